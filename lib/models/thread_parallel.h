// A batch, computed in slices by threads (on a CPU) and ranks that each go through the whole model.
#pragma once

#include "models/classifier.h"

namespace reaugkd::models {

/// model->forward(input, pooling, trace), and its way back. On a CPU the rows of the batch are
/// cut into slices, one a thread of LibTorch's, which computes its slice alone from the embeddings
/// to the logits and, in backward(), from there to the gradients: threads meet twice a step and not
/// at every operator. Gradients are added up in the order of the slices, so that equal numbers of
/// threads give equal bytes. A text's dropout does not depend on how its batch is cut; the last
/// digits of sums do. A batch of fewer rows than threads, or one whose slices' gradients would take
/// more than 4 GiB, stays whole. There is one way back, once, and none of the way back's own.
///
/// Where several ranks work together, they do the same with more slices: each rank computes those
/// of its own rows, and all ranks get the outputs of the whole batch, so that every loss sees the
/// batch and is the same number everywhere. On the way back each rank takes its rows' gradients,
/// and gradients of parameters are added up over the ranks. R ranks of one thread so give what one
/// rank of R threads gives. A batch of fewer rows than slices is computed by each rank alone.
ClassifierOutput forward_on_threads(Classifier& model, const EncoderInput& input, Pooling pooling,
                                    EncoderTrace* trace = nullptr);

}  // namespace reaugkd::models
