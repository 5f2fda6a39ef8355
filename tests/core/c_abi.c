/* The C ABI from C99: every function once, in both precisions where it matters, and how errors arrive. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "desire_edge.h"

#define EXAMPLES 2
#define LABELS 2
#define DIMENSION 3
#define HIDDEN 2
#define BASE_LABELS 3
#define STEPS 2

static int failures = 0;

static void expect(int condition, const char* what) {
  if (!condition) {
    printf("FAILED: %s\n", what);
    ++failures;
  }
}

static const desire_edge_sizes sizes = {EXAMPLES, LABELS, DIMENSION, HIDDEN, BASE_LABELS, STEPS};
static const double w1[DIMENSION * HIDDEN] = {0.5, -0.25, 0.75, 0.5, -0.5, 1.0};
static const double b1[HIDDEN] = {0.125, 0.25};
static const double w2[HIDDEN * DIMENSION] = {1.0, -0.5, 0.25, 0.5, 0.75, -1.0};
static const double b2[DIMENSION] = {0.1, 0.2, -0.1};
/* With the identity for w_base, r is the identity too and p is w_i. */
static const double identity[DIMENSION * DIMENSION] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
static const double w_i[BASE_LABELS * DIMENSION] = {0.5, 0.25, 0.0, -0.5, 1.0, 0.25, 0.0, 0.5, 0.75};
static const double z[EXAMPLES * DIMENSION] = {1.0, 0.5, -0.5, -0.25, 1.0, 0.75};
static const double w_novel[DIMENSION * LABELS] = {1.0, 0.5, -0.5, 0.25, 0.5, 1.0};
static const double targets[EXAMPLES * LABELS] = {1, 0, 0, 1};
static const double mask[EXAMPLES * LABELS] = {1, 1, 1, 1};
static const double step_sizes[STEPS * DESIRE_EDGE_STEP_COLUMNS] = {0.5, 0.4, 0.3, 0.2, 0.1,
                                                                    0.4, 0.3, 0.2, 0.1, 0.5};

static desire_edge_model_f64 model_f64(void) {
  desire_edge_model_f64 model = {w1, b1, w2, b2, 1.5, 0.5, identity, w_i, w_i, identity, NULL};
  return model;
}

/* Dense adaptation and its projection against low-rank adaptation and its folded head. */
static void dense_and_lowrank_agree(void) {
  double tilde[(HIDDEN + 1) * DIMENSION], q0[(HIDDEN + 1) * (HIDDEN + 1)] = {0};
  double new_w1[DIMENSION * HIDDEN], new_b1[HIDDEN], new_w2[HIDDEN * DIMENSION], new_b2[DIMENSION];
  double new_w_i[BASE_LABELS * DIMENSION], losses[STEPS + 1], head_losses[STEPS + 1], conditioning[2];
  double head_w1[DIMENSION * HIDDEN], head_b1[HIDDEN], v[(HIDDEN + 1) * LABELS], m[DIMENSION * LABELS];
  double q[(HIDDEN + 1) * (HIDDEN + 1)], logits[EXAMPLES * LABELS], head_logits[EXAMPLES * LABELS];
  desire_edge_weights_f64 adapted = {new_w1, new_b1, new_w2, new_b2, new_w_i, 0, 0};
  desire_edge_head_f64 head = {head_w1, head_b1, v, q, m, 0, 0};
  desire_edge_task_f64 task = {z, targets, mask, w_novel, step_sizes, NULL};
  desire_edge_model_f64 model = model_f64();
  char error[128];
  int i, j, k;

  memcpy(tilde, w2, sizeof w2);
  memcpy(tilde + HIDDEN * DIMENSION, b2, sizeof b2);
  for (i = 0; i <= HIDDEN; ++i) {
    for (j = 0; j <= HIDDEN; ++j) {
      for (k = 0; k < DIMENSION; ++k) {
        q0[i * (HIDDEN + 1) + j] += tilde[i * DIMENSION + k] * tilde[j * DIMENSION + k];
      }
    }
  }
  model.q0 = q0;

  expect(desire_edge_adapt_dense_f64(&sizes, &model, &task, &adapted, losses, error, sizeof error) ==
             DESIRE_EDGE_OK,
         "adapt_dense");
  expect(desire_edge_adapt_lowrank_f64(&sizes, &model, &task, &head, head_losses, conditioning, error,
                                       sizeof error) == DESIRE_EDGE_OK,
         "adapt_lowrank");
  expect(strlen(error) == 0, "no error text on success");
  expect(losses[STEPS] < losses[0], "the loss falls");
  for (i = 0; i <= STEPS; ++i) expect(fabs(losses[i] - head_losses[i]) < 1e-12, "the same losses");
  expect(conditioning[0] > 0 && conditioning[1] > 0, "conditioning");

  model.w1 = adapted.w1;
  model.b1 = adapted.b1;
  model.w2 = adapted.w2;
  model.b2 = adapted.b2;
  model.w_i = adapted.w_i;
  model.gamma1 = adapted.gamma1;
  model.gamma2 = adapted.gamma2;
  expect(desire_edge_project_f64(&sizes, &model, w_novel, z, logits, error, sizeof error) == DESIRE_EDGE_OK,
         "project");
  expect(desire_edge_head_logits_f64(&sizes, &head, identity, NULL, z, head_logits, error, sizeof error) ==
             DESIRE_EDGE_OK,
         "head_logits");
  for (i = 0; i < EXAMPLES * LABELS; ++i) expect(fabs(logits[i] - head_logits[i]) < 1e-12, "the same logits");

  expect(desire_edge_fold_f64(&sizes, &model, w_novel, &head, error, sizeof error) == DESIRE_EDGE_OK, "fold");
  expect(
      desire_edge_head_logits_f64(&sizes, &head, identity, NULL, z, head_logits, NULL, 0) == DESIRE_EDGE_OK,
      "head_logits of the folded weights");
  for (i = 0; i < EXAMPLES * LABELS; ++i)
    expect(fabs(logits[i] - head_logits[i]) < 1e-12, "folding is exact");
}

/* With the identity for w_base the base labels' scores are z over its norm: given, they change nothing. */
static void given_scores_stand_for_those_of_the_features(void) {
  double scores[EXAMPLES * BASE_LABELS], q0[(HIDDEN + 1) * (HIDDEN + 1)] = {0};
  double head_w1[DIMENSION * HIDDEN], head_b1[HIDDEN], v[(HIDDEN + 1) * LABELS],
      q[(HIDDEN + 1) * (HIDDEN + 1)];
  double m[BASE_LABELS * LABELS], losses[STEPS + 1], conditioning[2];
  double logits[2][EXAMPLES * LABELS];
  desire_edge_head_f64 head = {head_w1, head_b1, v, q, m, 0, 0};
  desire_edge_task_f64 task = {z, targets, mask, w_novel, step_sizes, scores};
  desire_edge_model_f64 model = model_f64();
  char error[128];
  int i, j, given;

  for (i = 0; i <= HIDDEN; ++i) q0[i * (HIDDEN + 2)] = 1; /* of no model, but the same for both */
  model.q0 = q0;
  for (i = 0; i < EXAMPLES; ++i) {
    const double* row = z + i * DIMENSION;
    const double norm = sqrt(row[0] * row[0] + row[1] * row[1] + row[2] * row[2] + 1e-12);
    for (j = 0; j < BASE_LABELS; ++j) scores[i * BASE_LABELS + j] = row[j] / norm;
  }
  for (given = 0; given <= 1; ++given) {
    model.p = given ? NULL : w_i;
    model.r = given ? NULL : identity;
    expect(desire_edge_adapt_lowrank_f64(&sizes, &model, &task, &head, losses, conditioning, error,
                                         sizeof error) == DESIRE_EDGE_OK,
           "adapt_lowrank, with scores and without");
    expect(desire_edge_head_logits_f64(&sizes, &head, model.r, given ? scores : NULL, z, logits[given], error,
                                       sizeof error) == DESIRE_EDGE_OK,
           "head_logits, with scores and without");
  }
  for (i = 0; i < EXAMPLES * LABELS; ++i)
    expect(fabs(logits[0][i] - logits[1][i]) < 1e-12, "the same logits");

  model.r = identity;
  expect(desire_edge_adapt_lowrank_f64(&sizes, &model, &task, &head, losses, conditioning, error,
                                       sizeof error) == DESIRE_EDGE_INVALID_ARGUMENT,
         "r without p is refused");
  expect(strcmp(error, "p is NULL") == 0, "the one missing is named");
  task.scores = NULL;
  model.r = NULL;
  expect(desire_edge_adapt_lowrank_f64(&sizes, &model, &task, &head, losses, conditioning, error,
                                       sizeof error) == DESIRE_EDGE_INVALID_ARGUMENT,
         "neither p and r nor scores is refused");
  expect(strcmp(error, "scores is NULL") == 0, "they are named");
}

/* By hand: with w1 = 0 and b1 = 0 W_Z(z) is b2 = (3, 4), of norm 5; z = (2, 0) has the base scores (2, 0), of
 * norm 2. */
static void projection_in_float_is_what_the_equation_says(void) {
  const float zero[4] = {0, 0, 0, 0}, bias[2] = {3, 4}, eye[4] = {1, 0, 0, 1}, inference[4] = {5, 7, 11, 13};
  const float example[2] = {2, 0}, label[2] = {1, 10};
  const desire_edge_sizes small = {1, 1, 2, 2, 2, 0};
  desire_edge_model_f32 model = {zero, zero, zero, bias, 2, 3, eye, inference, NULL, NULL, NULL};
  float logits[1];
  expect(desire_edge_project_f32(&small, &model, label, example, logits, NULL, 0) == DESIRE_EDGE_OK,
         "project_f32");
  expect(fabs(logits[0] - (2 * (0.6 * 1 + 0.8 * 10) + 3 * (5 * 1 + 7 * 10))) < 1e-4, "Eq. (1)");
}

static void errors_name_the_argument(void) {
  desire_edge_model_f64 model = model_f64();
  desire_edge_sizes wrong = sizes;
  double broken[DIMENSION * LABELS], logits[EXAMPLES * LABELS];
  char error[128], cut[8];

  model.b2 = NULL;
  expect(desire_edge_project_f64(&sizes, &model, w_novel, z, logits, error, sizeof error) ==
             DESIRE_EDGE_INVALID_ARGUMENT,
         "a NULL array is refused");
  expect(strcmp(error, "b2 is NULL") == 0, "its name stands in the error");
  expect(desire_edge_project_f64(&sizes, NULL, w_novel, z, logits, error, sizeof error) ==
             DESIRE_EDGE_INVALID_ARGUMENT,
         "a NULL struct is refused");

  model = model_f64();
  memcpy(broken, w_novel, sizeof broken);
  broken[3] = NAN;
  expect(desire_edge_project_f64(&sizes, &model, broken, z, logits, error, sizeof error) ==
             DESIRE_EDGE_INVALID_ARGUMENT,
         "NaN is refused");
  expect(strcmp(error, "w_novel[1, 1] is NaN or infinite") == 0, "its place stands in the error");
  expect(desire_edge_project_f64(&sizes, &model, broken, z, logits, cut, sizeof cut) ==
             DESIRE_EDGE_INVALID_ARGUMENT,
         "a short buffer is no failure");
  expect(strcmp(cut, "w_novel") == 0, "the error is cut to the buffer");

  wrong.hidden = 0;
  expect(desire_edge_project_f64(&wrong, &model, w_novel, z, logits, error, sizeof error) ==
             DESIRE_EDGE_INVALID_ARGUMENT,
         "a size of 0 is refused");
  expect(strstr(error, "sizes.hidden is 0") == error, "the size stands in the error");
  wrong.hidden = INT64_MAX;
  expect(desire_edge_project_f64(&wrong, &model, w_novel, z, logits, error, sizeof error) ==
             DESIRE_EDGE_INVALID_ARGUMENT,
         "a size whose products overflow is refused");

  model.gamma1 = 1e300;
  memcpy(broken, w_novel, sizeof broken);
  broken[0] = 1e300;
  expect(
      desire_edge_project_f64(&sizes, &model, broken, z, logits, error, sizeof error) == DESIRE_EDGE_DIVERGED,
      "an overflow is reported");
  expect(strlen(desire_edge_status_message(DESIRE_EDGE_DIVERGED)) > 0, "every status has a message");
  expect(desire_edge_status_message((desire_edge_status)99) != NULL, "an unknown status too");
}

int main(void) {
  char version[32];
  sprintf(version, "%d.%d.%d", DESIRE_EDGE_VERSION_MAJOR, DESIRE_EDGE_VERSION_MINOR,
          DESIRE_EDGE_VERSION_PATCH);
  expect(strcmp(version, desire_edge_version()) == 0, "header and library are of one version");
  dense_and_lowrank_agree();
  given_scores_stand_for_those_of_the_features();
  projection_in_float_is_what_the_equation_says();
  errors_name_the_argument();
  if (failures == 0) printf("all passed\n");
  return failures != 0;
}
