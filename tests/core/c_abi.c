/* The C ABI from C99: every function, how errors arrive, and the projection in both precisions. */
#include "c_abi.h"

long allocations = 0;
static int failures = 0;

/* Counts what the library allocates too: the program's malloc comes before the C library's. A program that is
 * linked against a static C library cannot have two. */
#if defined(__GLIBC__) && !defined(DESIRE_EDGE_TEST_STATIC_LIBC)
extern void* __libc_malloc(size_t bytes);
void* malloc(size_t bytes) {
  ++allocations;
  return __libc_malloc(bytes);
}
#endif

void expect(int condition, const char* what) {
  if (!condition) {
    printf("FAILED: %s\n", what);
    ++failures;
  }
}

void expect_close(const float* found, const double* expected, int count, double most, const char* what) {
  int i;
  for (i = 0; i < count; ++i) expect(fabs(found[i] - expected[i]) < most, what);
}

const desire_edge_sizes sizes = {EXAMPLES, LABELS, DIMENSION, HIDDEN, BASE_LABELS, STEPS};
const double w1[DIMENSION * HIDDEN] = {0.5, -0.25, 0.75, 0.5, -0.5, 1.0};
const double b1[HIDDEN] = {0.125, 0.25};
const double w2[HIDDEN * DIMENSION] = {1.0, -0.5, 0.25, 0.5, 0.75, -1.0};
const double b2[DIMENSION] = {0.1, 0.2, -0.1};
const double identity[DIMENSION * DIMENSION] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
const double w_i[BASE_LABELS * DIMENSION] = {0.5, 0.25, 0.0, -0.5, 1.0, 0.25, 0.0, 0.5, 0.75};
const double z[EXAMPLES * DIMENSION] = {1.0, 0.5, -0.5, -0.25, 1.0, 0.75};
const double w_novel[DIMENSION * LABELS] = {1.0, 0.5, -0.5, 0.25, 0.5, 1.0};
const double targets[EXAMPLES * LABELS] = {1, 0, 0, 1};
const double step_sizes[STEPS * DESIRE_EDGE_STEP_COLUMNS] = {0.5, 0.4, 0.3, 0.2, 0.1,
                                                             0.4, 0.3, 0.2, 0.1, 0.5};
const expected_result adapted_by_autograd = {
    {0.64899928061272, 0.6151026071547839, 0.5817359841775787},
    {0.5058885616726917, -0.25076823380675045, 0.7195511101023586, 0.5030729352270016, -0.5214960423552275,
     1.0023047014202513},
    1.4783605128463788,
    {1.5578634875291835, 0.5084299707086799, -0.611960471240673, -0.059308360317735564}};

void to_float(const double* from, int count, float* to) {
  int i;
  for (i = 0; i < count; ++i) to[i] = (float)from[i];
}

void set_gram(float_model* model) {
  int i, j, k;
  for (i = 0; i <= HIDDEN; ++i) {
    const float* row = i < HIDDEN ? model->w2 + i * DIMENSION : model->b2;
    for (j = 0; j <= HIDDEN; ++j) {
      const float* other = j < HIDDEN ? model->w2 + j * DIMENSION : model->b2;
      double sum = 0;
      for (k = 0; k < DIMENSION; ++k) sum += (double)row[k] * other[k];
      model->q0[i * (HIDDEN + 1) + j] = (float)sum;
    }
  }
}

void set_up_model(float_model* model, int with_w_i) {
  int i;
  memset(model, 0, sizeof *model);
  to_float(w1, DIMENSION * HIDDEN, model->w1);
  to_float(b1, HIDDEN, model->b1);
  to_float(w2, HIDDEN * DIMENSION, model->w2);
  to_float(b2, DIMENSION, model->b2);
  to_float(w_i, DIMENSION * DIMENSION, model->w_i);
  to_float(identity, DIMENSION * DIMENSION, model->identity);
  set_gram(model);
  /* Those of a model are for the loss's sum over labels. */
  for (i = 0; i < STEPS * DESIRE_EDGE_STEP_COLUMNS; ++i) model->step_sizes[i] = (float)step_sizes[i] / LABELS;
  for (i = 0; i < DESIRE_EDGE_THRESHOLD_WEIGHTS; ++i) model->threshold_weights[i] = 0.125F * (float)(i + 1);
  model->arrays.w1 = model->w1;
  model->arrays.b1 = model->b1;
  model->arrays.w2 = model->w2;
  model->arrays.b2 = model->b2;
  model->arrays.gamma1 = (float)GAMMA1;
  model->arrays.gamma2 = (float)GAMMA2;
  model->arrays.q0 = model->q0;
  model->arrays.step_sizes = model->step_sizes;
  model->arrays.threshold_weights = model->threshold_weights;
  if (with_w_i) {
    model->arrays.w_base = model->identity;
    model->arrays.w_i = model->w_i;
  } else {
    model->arrays.p = model->w_i;
    model->arrays.r = model->identity;
  }
}

desire_edge_model* model_handle(int with_w_i) {
  float_model model;
  desire_edge_model* handle = NULL;
  char error[128];
  set_up_model(&model, with_w_i);
  expect(desire_edge_model_create(&sizes, &model.arrays, &handle, error, sizeof error) == DESIRE_EDGE_OK,
         "model_create");
  expect(handle != NULL, "a model handle");
  return handle;
}

static desire_edge_model_f64 model_f64(void) {
  desire_edge_model_f64 model = {w1, b1, w2, b2, GAMMA1, GAMMA2, identity, w_i};
  return model;
}

/* By hand: with w1 = 0 and b1 = 0 W_Z(z) is b2 = (3, 4), of norm 5; z = (2, 0) has the base scores (2, 0), of
 * norm 2. */
static void projection_in_float_is_what_the_equation_says(void) {
  const float zero[4] = {0, 0, 0, 0}, bias[2] = {3, 4}, eye[4] = {1, 0, 0, 1}, inference[4] = {5, 7, 11, 13};
  const float example[2] = {2, 0}, label[2] = {1, 10};
  const desire_edge_sizes small = {1, 1, 2, 2, 2, 0};
  desire_edge_model_f32 model = {zero, zero, zero, bias, 2, 3, eye, inference, NULL, NULL, NULL, NULL, NULL};
  float logits[1];
  expect(desire_edge_project_f32(&small, &model, label, example, logits, NULL, 0) == DESIRE_EDGE_OK,
         "project_f32");
  expect(fabs(logits[0] - (2 * (0.6 * 1 + 0.8 * 10) + 3 * (5 * 1 + 7 * 10))) < 1e-4, "Eq. (1)");
}

/* By hand: two examples of one label, one of them positive, logits 1 and 3; the other label not known. */
static void thresholds_are_weighted_sums(void) {
  const float some_logits[] = {1, 9, 3, 9}, some_targets[] = {1, 1, 0, 1}, some_mask[] = {1, 0, 1, 0};
  const float some_weights[] = {0.25F, 0.5F, 7, 0.125F, 2};
  double thresholds[2];
  char error[128];
  expect(desire_edge_thresholds(2, 2, some_logits, some_targets, some_mask, some_weights, thresholds, error,
                                sizeof error) == DESIRE_EDGE_OK,
         "thresholds");
  expect(fabs(thresholds[0] - 1 / (1 + exp(-(0.25 + 0.5 + 0.25 + 2)))) < 1e-9, "of a known label");
  expect(fabs(thresholds[1] - 1 / (1 + exp(-0.25))) < 1e-9, "of an unknown one");
  expect(desire_edge_thresholds(2, 2, some_logits, some_targets, some_mask, NULL, thresholds, error,
                                sizeof error) == DESIRE_EDGE_INVALID_ARGUMENT,
         "no weights are refused");
  expect(strcmp(error, "weights is NULL") == 0, "by name");
}

static void kernels_are_told(void) {
  size_t count = 0;
  while (desire_edge_kernels(count) != NULL) ++count;
  expect(count > 0 && strcmp(desire_edge_kernels(count - 1), "baseline") == 0, "every CPU runs the baseline");
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
  projection_in_float_is_what_the_equation_says();
  errors_name_the_argument();
  thresholds_are_weighted_sums();
  kernels_are_told();
  test_handles();
  test_learning();
  test_prior();
  if (failures == 0) printf("all passed\n");
  return failures != 0;
}
