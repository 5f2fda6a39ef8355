/* From the support's features to the folded head, through libdesire_edge; as
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

/* Beyond this, single precision loses more than about 4e-6 of the logits, and adapting goes on in double. */
constexpr double kMostConditioning = 7;

/* The model's arrays (semantics.safetensors), and their sizes. */
struct Semantics {
  int64_t dimension = 0, hidden = 0, base_labels = 0;
  bool known_labels = false; /* whether it uses the base labels that an item is known to carry */
  std::map<std::string, std::vector<float>> arrays;
};

/* The folded head of desire_edge.h after adaptation. */
struct AdaptedHead {
  Matrix w1, b1, v, q, m;
  float gamma1 = 0, gamma2 = 0;
  std::vector<float> losses;      /* the support loss before each step taken and after the last */
  Matrix logits;                  /* [S, N] of the support */
  float conditioning = 0;         /* the largest kappa seen */
  std::vector<double> thresholds; /* [N] the probability from which each label is said to hold */
};

/* The inner loop on z [S, d], targets and mask [S, N], w_novel [d, N] and, for a model that uses them, known
 * labels [S, B]. Steps past the lowest support loss are not taken; without examples none is. */
AdaptedHead adapt_head(const Semantics& semantics, const Matrix& z, const Targets& support,
                       const Matrix& w_novel, const Matrix& known_labels);

/* What a model of `ways` labels holds of the head, in the order of its initialisers; unused ways are 0. */
std::vector<Initializer> task_weights(const AdaptedHead& head, int64_t ways);

}  // namespace app

#endif
