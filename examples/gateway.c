/*
 * Adaptation on a gateway, in C99 alone: pack a model with the head `prior` once, teach it two labels by a few
 * examples, ask whether the examples help, and predict.
 *
 *     cmake -B build && cmake --build build && cmake --install build --prefix build/installed
 *     cc -Ibuild/installed/include examples/gateway.c -Lbuild/installed/lib -ldesire_edge -lm -o build/gateway
 *     LD_LIBRARY_PATH=build/installed/lib build/gateway
 *
 * The model here is small enough to be written out. A bundle's stands in semantics.safetensors, its arrays named
 * as in docs/bundle.md; features z come from base.onnx.
 */
#include <math.h>
#include <stdio.h>

#include "desire_edge.h"

enum { DIMENSION = 3, SCORES = 2, LABELS = 2, EXAMPLES = 8 };

static const float name_mean[DIMENSION] = {0.1F, 0.1F, 0};
static const float r[DIMENSION * SCORES] = {1, 0, 0, 1, 0.5F, -0.5F};
static const float inference[SCORES * DIMENSION] = {0.8F, 0.1F, 0, 0.1F, 0.8F, 0};
/* Trust, in the order that desire_edge_prior_create states: of each part its logarithm and two slopes. */
static const float scalars[DESIRE_EDGE_PRIOR_SCALARS] = {
    1.4F,  -0.05F, 0.1F,   /* names */
    0.72F, -0.1F,  0.35F,  /* base labels */
    1.2F,  -0.1F,  -0.4F,  /* examples */
    1.35F, -0.6F,  -0.1F,  /* neighbours */
    0.44F, 0.03F,  -0.08F, /* temperature */
    1.5F,  0.53F,  -1,     /* bias_variance; the bias and its slope */
    0.12F, 0.05F,  0.4F};  /* the shift and its slope; balance */
static const float threshold_weights[DESIRE_EDGE_THRESHOLD_WEIGHTS] = {0};

/* The labels' names as word vectors [DIMENSION, LABELS], one a column. */
static const float w_novel[DIMENSION * LABELS] = {1, 0, 0, 1, 0.2F, 0.2F};
/* Features of unit length, which of the two labels each example carries, and that all of this is known. */
static const float z[EXAMPLES * DIMENSION] = {1, 0, 0, 0.8F, 0.6F, 0,    0.8F, 0, 0.6F, 0.96F, 0,     0.28F,
                                              0, 1, 0, 0,    0.8F, 0.6F, 0,    1, 0,    0.28F, 0.96F, 0};
static const float targets[EXAMPLES * LABELS] = {1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1};
static const float mask[EXAMPLES * LABELS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

/* logits = z l + u m + b of one row, u = z r / ||z r||: what head.onnx computes. */
static void predict(const float* row, const desire_edge_learned* head, float* logits) {
  float scores[SCORES] = {0}, square = 1e-12F;
  int i, j, n;
  for (j = 0; j < SCORES; ++j) {
    for (i = 0; i < DIMENSION; ++i) scores[j] += row[i] * r[i * SCORES + j];
    square += scores[j] * scores[j];
  }
  for (n = 0; n < LABELS; ++n) {
    logits[n] = head->b[n];
    for (i = 0; i < DIMENSION; ++i) logits[n] += row[i] * head->l[i * LABELS + n];
    for (j = 0; j < SCORES; ++j) logits[n] += scores[j] / sqrtf(square) * head->m[j * LABELS + n];
  }
}

int main(void) {
  static const float query[DIMENSION] = {0.6F, 0, 0.8F};
  const desire_edge_prior_sizes sizes = {DIMENSION, DIMENSION, SCORES, 0};
  const desire_edge_prior_f32 arrays = {name_mean, NULL, r, inference, scalars, threshold_weights};
  float l[DIMENSION * LABELS], m[SCORES * LABELS], b[LABELS], used[LABELS], losses[2];
  float support_logits[EXAMPLES * LABELS], logits[LABELS];
  double thresholds[LABELS], held_out = -1;
  desire_edge_learn_input input = {0};
  desire_edge_learned learned = {0};
  desire_edge_model* model = NULL;
  desire_edge_status status;
  char error[128];
  int n;

  input.examples = EXAMPLES;
  input.labels = input.ways = LABELS;
  input.z = z;
  input.targets = targets;
  input.mask = mask;
  input.w_novel = w_novel;
  learned.l = l;
  learned.m = m;
  learned.b = b;
  learned.used = used;
  learned.losses = losses;
  learned.logits = support_logits;
  learned.thresholds = thresholds;

  status = desire_edge_prior_create(&sizes, &arrays, &model, error, sizeof error);
  if (status == DESIRE_EDGE_OK) status = desire_edge_learn(model, &input, &learned, error, sizeof error);
  if (status == DESIRE_EDGE_OK) {
    status = desire_edge_held_out_loss(model, &input, &held_out, error, sizeof error);
  }
  desire_edge_model_destroy(model);
  if (status != DESIRE_EDGE_OK) {
    fprintf(stderr, "%s: %s\n", desire_edge_status_message(status), error);
    return 1;
  }

  printf("by name alone the loss is %.3f; on examples held out, with the others learned, %.3f\n", losses[0],
         held_out);
  predict(query, &learned, logits);
  for (n = 0; n < LABELS; ++n) {
    const double probability = 1 / (1 + exp(-logits[n]));
    printf("label %d: probability %.3f, from %.3f on it holds: %s\n", n, probability, thresholds[n],
           probability >= thresholds[n] ? "yes" : "no");
  }
  return 0;
}
