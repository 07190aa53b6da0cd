// What the libraries of this process are told as they are loaded, where the user's environment does
// not say it. Linked into an executable, not into a library: its getenv then stands before the C
// library's for all of them.
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

/// For a libgomp that does not ask getenv as it is loaded (GCC 13's and later): the process starts
/// itself again once, which costs the second or so that loading LibTorch takes.
void spin_briefly_when_idle(char** argv);

}  // namespace reaugkd::apps
