/* Learning: the policy of adapting behind one call, and what it refuses. */
#include "c_abi.h"

#define WAYS 3

/* Inputs and outputs of one lesson. */
typedef struct lesson {
  float z[EXAMPLES * DIMENSION], targets[EXAMPLES * LABELS], mask[EXAMPLES * LABELS],
      w_novel[DIMENSION * LABELS], known_labels[EXAMPLES * BASE_LABELS];
  float w1[DIMENSION * (HIDDEN + 1)], b1[HIDDEN + 1], v[(HIDDEN + 1) * WAYS], q[(HIDDEN + 1) * (HIDDEN + 1)],
      m[DIMENSION * WAYS], used[WAYS], losses[STEPS + 1], logits[EXAMPLES * LABELS];
  double thresholds[LABELS];
  desire_edge_learn_input input;
  desire_edge_learned learned;
} lesson;

static void set_up(lesson* given) {
  int i;
  memset(given, 0, sizeof *given);
  to_float(z, EXAMPLES * DIMENSION, given->z);
  to_float(targets, EXAMPLES * LABELS, given->targets);
  to_float(w_novel, DIMENSION * LABELS, given->w_novel);
  for (i = 0; i < EXAMPLES * LABELS; ++i) given->mask[i] = 1;
  given->input.examples = EXAMPLES;
  given->input.labels = LABELS;
  given->input.ways = WAYS;
  given->input.z = given->z;
  given->input.targets = given->targets;
  given->input.mask = given->mask;
  given->input.w_novel = given->w_novel;
  given->learned.w1 = given->w1;
  given->learned.b1 = given->b1;
  given->learned.v = given->v;
  given->learned.q = given->q;
  given->learned.m = given->m;
  given->learned.used = given->used;
  given->learned.losses = given->losses;
  given->learned.logits = given->logits;
  given->learned.thresholds = given->thresholds;
}

static desire_edge_status learn(const desire_edge_model* model, lesson* given, char error[128]) {
  return desire_edge_learn(model, &given->input, &given->learned, error, 128);
}

/* What the graph says of example i for column j, with base scores u. */
static double graph_logit(const lesson* given, const double* u, int i, int j) {
  double hidden[HIDDEN + 1], square = 0, score = 0, inferred = 0;
  int k, l;
  for (k = 0; k <= HIDDEN; ++k) {
    hidden[k] = given->b1[k];
    for (l = 0; l < DIMENSION; ++l) {
      hidden[k] += (double)given->z[i * DIMENSION + l] * given->w1[l * (HIDDEN + 1) + k];
    }
    if (hidden[k] < 0) hidden[k] = 0;
  }
  for (k = 0; k <= HIDDEN; ++k) {
    score += hidden[k] * given->v[k * WAYS + j];
    for (l = 0; l <= HIDDEN; ++l) square += hidden[k] * given->q[k * (HIDDEN + 1) + l] * hidden[l];
  }
  for (k = 0; k < DIMENSION; ++k) inferred += u[k] * given->m[k * WAYS + j];
  return score / sqrt(square) + inferred;
}

/* z over its norm: with the identity for w_base these are the base labels' scores. */
static void unit_features(int i, double* u) {
  const double* row = z + i * DIMENSION;
  const double norm = sqrt(row[0] * row[0] + row[1] * row[1] + row[2] * row[2] + 1e-12);
  int k;
  for (k = 0; k < DIMENSION; ++k) u[k] = row[k] / norm;
}

/* In both kinds of model; nothing is known of the examples. */
static void learning_is_what_autograd_says(void) {
  int with_w_i, i, j;
  for (with_w_i = WITH_P_AND_R; with_w_i <= WITH_W_I; ++with_w_i) {
    desire_edge_model* model = model_handle(with_w_i);
    float_model arrays;
    double thresholds[LABELS];
    lesson given;
    char error[128];

    set_up(&given);
    expect(learn(model, &given, error) == DESIRE_EDGE_OK && strlen(error) == 0, "learn");
    expect(given.learned.steps == STEPS, "all steps are kept");
    expect(fabs(given.learned.conditioning - 1.00618) < 1e-4, "the largest conditioning");
    expect_close(given.losses, adapted_by_autograd.losses, STEPS + 1, 1e-6, "the same losses");
    expect_close(given.logits, adapted_by_autograd.logits, EXAMPLES * LABELS, 1e-5, "the same logits");
    for (i = 0; i < DIMENSION; ++i) {
      expect_close(given.w1 + i * (HIDDEN + 1), adapted_by_autograd.w1 + i * HIDDEN, HIDDEN, 1e-6,
                   "the same w1");
      expect(given.w1[i * (HIDDEN + 1) + HIDDEN] == 0, "a column of zeros after it");
    }
    expect(given.b1[HIDDEN] == 1, "the last hidden unit is 1");
    for (i = 0; i < EXAMPLES; ++i) {
      double u[DIMENSION];
      unit_features(i, u);
      for (j = 0; j < LABELS; ++j) {
        expect(fabs(graph_logit(&given, u, i, j) - adapted_by_autograd.logits[i * LABELS + j]) < 1e-5,
               "the graph gives these logits");
      }
      expect(graph_logit(&given, u, i, LABELS) == 0, "and 0 in a way without a label");
    }
    expect(given.used[0] == 1 && given.used[1] == 1 && given.used[2] == 0, "two of three ways are used");
    set_up_model(&arrays, with_w_i);
    expect(desire_edge_thresholds(EXAMPLES, LABELS, given.logits, given.targets, given.mask,
                                  arrays.threshold_weights, thresholds, NULL, 0) == DESIRE_EDGE_OK,
           "thresholds");
    expect(memcmp(thresholds, given.thresholds, sizeof thresholds) == 0, "the same thresholds");
    desire_edge_model_destroy(model);
  }
}

static void known_labels_are_what_autograd_says(void) {
  static const double losses[] = {0.6966899968557605, 0.6579805484806662, 0.6291180531461055},
                      logits[] = {1.5526019827623336, 0.49680093715867857, -0.132411606409499,
                                  -0.059291976843459215};
  desire_edge_model *model = model_handle(WITH_W_I), *other = model_handle(WITH_P_AND_R);
  lesson given, untold;
  char error[128];

  set_up(&given);
  given.known_labels[BASE_LABELS] = given.known_labels[BASE_LABELS + 2] = 1;
  given.input.known_labels = given.known_labels;
  expect(learn(model, &given, error) == DESIRE_EDGE_OK, "learn with known labels");
  expect_close(given.losses, losses, STEPS + 1, 1e-6, "the same losses");
  expect_close(given.logits, logits, EXAMPLES * LABELS, 1e-5, "the same logits");
  expect(learn(other, &given, error) == DESIRE_EDGE_INVALID_ARGUMENT, "a model without them refuses them");
  expect(strcmp(error, "known_labels are given, but the model does not use them") == 0, "and says so");
  given.known_labels[1] = 0.5F;
  expect(learn(model, &given, error) == DESIRE_EDGE_INVALID_ARGUMENT, "half a known label is refused");
  expect(strstr(error, "known_labels[0, 1] is 0.5") == error, "by its place");

  memset(given.known_labels, 0, sizeof given.known_labels);
  expect(learn(model, &given, error) == DESIRE_EDGE_OK, "rows of zeros");
  set_up(&untold);
  expect(learn(model, &untold, error) == DESIRE_EDGE_OK, "and no rows");
  expect(memcmp(given.v, untold.v, sizeof given.v) == 0, "are the same");
  desire_edge_model_destroy(other);
  desire_edge_model_destroy(model);
}

/* b2 takes away nine tenths of what w2 gives for the first example. */
static void what_is_ill_conditioned_is_learned_in_double(void) {
  static const double losses[] = {0.6419273469436342, 0.5314744201728845, 0.505610353529397},
                      logits[] = {0.9046761588616423, -0.5822113498983734, -1.392695851976326,
                                  -0.5679975873082894};
  static const float cancelling[DIMENSION] = {-1.125F, 0.5625F, -0.28125F};
  float_model arrays;
  desire_edge_model* model = NULL;
  lesson given;
  char error[128];
  int i;

  set_up_model(&arrays, WITH_P_AND_R);
  memcpy(arrays.b2, cancelling, sizeof cancelling);
  set_gram(&arrays);
  for (i = 0; i < STEPS * DESIRE_EDGE_STEP_COLUMNS; ++i) arrays.step_sizes[i] *= 0.05F;
  expect(desire_edge_model_create(&sizes, &arrays.arrays, &model, error, sizeof error) == DESIRE_EDGE_OK,
         "an ill-conditioned model");
  set_up(&given);
  expect(learn(model, &given, error) == DESIRE_EDGE_OK, "learns");
  expect(given.learned.steps == STEPS, "all steps are kept");
  expect(given.learned.conditioning > DESIRE_EDGE_MAX_CONDITIONING, "it is ill-conditioned");
  expect(fabs(given.learned.conditioning - 10) < 1e-4, "as much as autograd says");
  expect_close(given.losses, losses, STEPS + 1, 1e-6, "the same losses");
  expect_close(given.logits, logits, EXAMPLES * LABELS, 1e-6, "the same logits");
  for (i = 0; i < EXAMPLES * LABELS; ++i) {
    double u[DIMENSION];
    unit_features(i / LABELS, u);
    expect(fabs(graph_logit(&given, u, i / LABELS, i % LABELS) - logits[i]) < 1e-5,
           "the graph gives these logits");
  }
  desire_edge_model_destroy(model);
}

static void names_alone_take_no_step(void) {
  desire_edge_model* model = model_handle(WITH_P_AND_R);
  lesson unknown, none;
  char error[128];

  set_up(&unknown);
  memset(unknown.mask, 0, sizeof unknown.mask);
  expect(learn(model, &unknown, error) == DESIRE_EDGE_OK, "learn where nothing is known");
  set_up(&none);
  none.input.examples = 0;
  none.input.z = none.input.targets = none.input.mask = NULL;
  none.learned.logits = NULL;
  expect(learn(model, &none, error) == DESIRE_EDGE_OK, "learn without examples");
  expect(unknown.learned.steps == 0 && none.learned.steps == 0, "no step is taken");
  expect(unknown.losses[0] == 0 && unknown.losses[STEPS] == 0, "there is no loss");
  expect(memcmp(unknown.v, none.v, sizeof none.v) == 0, "both go by the names alone");
  expect(none.learned.conditioning == 0, "no example is ill-conditioned");
  expect(fabs(none.thresholds[0] - 1 / (1 + exp(-0.125))) < 1e-9, "a name's threshold");
  desire_edge_model_destroy(model);
}

/* What cannot be learned from, and what there is to write to. */
static void errors_name_what_is_wrong(void) {
  desire_edge_model* model = model_handle(WITH_P_AND_R);
  desire_edge_model* adapting = NULL;
  float_model arrays;
  lesson given;
  char error[128];

#define REFUSED(change, sentence)                                                            \
  set_up(&given);                                                                            \
  change;                                                                                    \
  expect(learn(model, &given, error) == DESIRE_EDGE_INVALID_ARGUMENT, "refused: " sentence); \
  expect(strstr(error, sentence) == error, "said: " sentence)

  REFUSED(given.input.examples = -1, "input.examples is -1");
  REFUSED(given.input.labels = 0, "input.labels is 0");
  REFUSED(given.input.ways = 1, "input.ways is 1, expected 2");
  REFUSED(given.input.ways = INT64_MAX, "input.ways is 9223372036854775807");
  REFUSED(given.input.z = NULL, "z is NULL");
  REFUSED(given.z[4] = NAN, "z[1, 1] is NaN or infinite");
  REFUSED(given.targets[2] = 1.5F, "targets[1, 0] is 1.5");
  REFUSED(given.mask[0] = -1, "mask[0, 0] is -1");
  REFUSED(given.w_novel[5] = INFINITY, "w_novel[2, 1] is NaN or infinite");
  REFUSED(given.learned.w1 = NULL, "learned.w1 is NULL");
  REFUSED(given.learned.used = NULL, "learned.used is NULL");
  REFUSED(given.learned.losses = NULL, "learned.losses is NULL");
  REFUSED(given.learned.logits = NULL, "learned.logits is NULL");
  REFUSED(given.learned.thresholds = NULL, "learned.thresholds is NULL");
#undef REFUSED

  set_up(&given);
  expect(learn(NULL, &given, error) == DESIRE_EDGE_INVALID_ARGUMENT && strcmp(error, "model is NULL") == 0,
         "no model is refused");
  expect(desire_edge_learn(model, NULL, &given.learned, NULL, 0) == DESIRE_EDGE_INVALID_ARGUMENT,
         "no input is refused");
  expect(desire_edge_learn(model, &given.input, NULL, NULL, 0) == DESIRE_EDGE_INVALID_ARGUMENT,
         "nothing to write to is refused");
  set_up_model(&arrays, WITH_P_AND_R);
  arrays.arrays.threshold_weights = NULL;
  expect(desire_edge_model_create(&sizes, &arrays.arrays, &adapting, error, sizeof error) == DESIRE_EDGE_OK,
         "a model that is not to learn");
  expect(learn(adapting, &given, error) == DESIRE_EDGE_INVALID_ARGUMENT, "does not");
  expect(strstr(error, "the model was made without threshold_weights") == error, "and says so");
  desire_edge_model_destroy(adapting);
  desire_edge_model_destroy(model);
}

static void what_does_not_stay_finite_is_reported(void) {
  float_model arrays;
  desire_edge_model* model = NULL;
  lesson given;
  char error[128];

  set_up_model(&arrays, WITH_P_AND_R);
  arrays.arrays.gamma1 = 1e38F;
  expect(desire_edge_model_create(&sizes, &arrays.arrays, &model, error, sizeof error) == DESIRE_EDGE_OK,
         "a model of large factors");
  set_up(&given);
  given.w_novel[0] = 1e30F;
  expect(learn(model, &given, error) == DESIRE_EDGE_DIVERGED, "learning that overflows is reported");
  expect(strstr(error, "has a NaN or infinite value") != NULL, "and said so");
  desire_edge_model_destroy(model);
}

void test_learning(void) {
  learning_is_what_autograd_says();
  known_labels_are_what_autograd_says();
  what_is_ill_conditioned_is_learned_in_double();
  names_alone_take_no_step();
  errors_name_what_is_wrong();
  what_does_not_stay_finite_is_reported();
}
