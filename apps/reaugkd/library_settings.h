// What libgomp and OpenBLAS ask the environment for as they are loaded, before main.
#pragma once

namespace reaugkd::apps {

/// OMP_WAIT_POLICY=passive, GOMP_SPINCOUNT=20000: how long an idle OpenMP thread spins before it
/// sleeps. By default it spins for milliseconds and takes the cores that OpenBLAS's threads need:
/// training a small model on two busy cores was about 10 times slower so. Asleep at once ("passive"
/// alone), every short operation pays for waking it: a 6-layer BERT of width 256 trained half as
/// fast on two cores as with this short spin.
///
/// OPENBLAS_CORETYPE=COOPERLAKE or SKYLAKEX on AMD's CPUs with AVX-512: OpenBLAS 0.3.21 takes them
/// for a Haswell. In fp32 a student of width 256 then answers batches 1.6 times as fast.
///
/// Values set by the user stay. The libraries get the answer when they ask; this function, at the
/// start of main, is for a libgomp that did not ask (GCC 13's reads the environment itself): the
/// process starts itself again once, which costs the second or so that loading LibTorch takes.
void apply_library_settings(char** argv);

}  // namespace reaugkd::apps
