// The environment that the libraries of this program read as they are loaded, where the user's own
// does not say it. So it is set before the program starts: by the launcher, and by benchmarks,
// which start themselves again.
//
// OPENBLAS_CORETYPE: before 0.3.25 OpenBLAS ran the kernels of a Pentium 4 on any Intel processor
// that it did not know, such as those of 2023 on Debian 12: fp32 products at a fifth of the speed
// of SkylakeX's. Those that it knows get the kernels that it would take itself.
//
// OMP_WAIT_POLICY, GOMP_SPINCOUNT: how long an idle OpenMP thread spins before it sleeps. By
// default it does for milliseconds and takes the cores that OpenBLAS's threads need: training a
// small model on two busy cores was about 10 times slower so. Asleep at once ("passive" alone),
// every short operation pays for waking it: a 6-layer BERT of width 256 trained half as fast on two
// cores as with this short spin.
#pragma once

namespace reaugkd::apps {

/// Sets what the user has not set. Returns whether anything was.
bool set_library_environment();

/// Starts the running program again with that environment, once: for programs without a launcher.
void start_again_with_library_environment(char** argv);

}  // namespace reaugkd::apps
