/* From the support's features to what the model file holds of them, through libdesire_edge; as
 * desire_edge/runtime/adaptation.py. */
#ifndef DESIRE_EDGE_APP_ADAPTATION_H
#define DESIRE_EDGE_APP_ADAPTATION_H

#include <map>
#include <string>
#include <vector>

#include "arrays.h"
#include "model_file.h"
#include "support.h"

namespace app {

/* The model's arrays (semantics.safetensors), and their sizes. */
struct Semantics {
  bool prior = false; /* whether it is the head `prior`, and not the paper's */
  int64_t dimension = 0, name_dimension = 0, hidden = 0, base_labels = 0;
  bool known_labels = false; /* whether it uses the base labels that an item is known to carry */
  std::map<std::string, std::vector<float>> arrays;
};

/* What desire_edge_learn makes of a task. */
struct AdaptedHead {
  std::vector<Initializer>
      weights;               /* what a model file of `ways` labels holds, in its order; ways not used are 0 */
  std::vector<float> losses; /* the support loss before each step kept and after the last */
  double held_out_loss = -1; /* of examples predicted from the others; -1 where that says nothing */
  float conditioning = 0;    /* the largest kappa seen */
  std::vector<double> thresholds; /* [N] the probability from which each label is said to hold */
};

/* The names of a task's weights in a model file, in its order. */
std::vector<std::string> part_names(const Semantics& semantics);

/* Teaches the model labels by z [S, d], targets and mask [S, N], w_novel [d_w, N] and, for one that uses them,
 * known labels [S, B], for a model file of `ways` labels. */
AdaptedHead learn(const Semantics& semantics, const Matrix& z, const Targets& support, const Matrix& w_novel,
                  const Matrix& known_labels, int64_t ways);

}  // namespace app

#endif
