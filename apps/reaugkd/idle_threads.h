// How long an idle OpenMP thread spins before it sleeps.
#pragma once

namespace reaugkd::apps {

/// By default it spins for milliseconds and takes the cores that OpenBLAS's threads need: training
/// a small model on two busy cores was about 10 times slower so. Asleep at once ("passive" alone),
/// every short operation pays for waking it: a 6-layer BERT of width 256 trained half as fast on
/// two cores as with this short spin. libgomp reads both variables as it is loaded, before main: it
/// is told then, or, where it did not ask, the process starts itself again once, which costs the
/// second or so that loading LibTorch takes. Values set by the user stay.
void spin_briefly_when_idle(char** argv);

}  // namespace reaugkd::apps
