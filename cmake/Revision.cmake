# REAUGKD_REVISION: "+g" and HEAD when CMake last ran, for --version and run.json; empty where the
# sources are no git checkout. CMake runs again when HEAD has moved. Changes that are not committed do
# not show.
set(REAUGKD_REVISION "")

# git(variable arguments...): what it says, empty where it fails.
function(git variable)
  execute_process(COMMAND ${GIT_EXECUTABLE} ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    OUTPUT_VARIABLE said OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  set(${variable} "${said}" PARENT_SCOPE)
endfunction()

find_package(Git QUIET)
if(Git_FOUND AND EXISTS ${CMAKE_SOURCE_DIR}/.git)
  git(commit rev-parse --short=12 HEAD)
  if(commit)
    set(REAUGKD_REVISION "+g${commit}")
    git(branch rev-parse --symbolic-full-name HEAD)
    foreach(moves HEAD logs/HEAD ${branch})
      git(path rev-parse --git-path ${moves})
      cmake_path(ABSOLUTE_PATH path BASE_DIRECTORY ${CMAKE_SOURCE_DIR})
      if(EXISTS ${path})
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
      endif()
    endforeach()
  endif()
endif()
