/* The C ABI from C99: every function once, in both precisions where it matters, and how errors arrive. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desire_edge.h"

#define EXAMPLES 2
#define LABELS 2
#define DIMENSION 3
#define HIDDEN 2
#define BASE_LABELS 3
#define STEPS 2

static int failures = 0;
static long allocations = 0;

/* Counts what the library allocates too: the program's malloc comes before the C library's. A program that is
 * linked against a static C library cannot have two. */
#if defined(__GLIBC__) && !defined(DESIRE_EDGE_TEST_STATIC_LIBC)
extern void* __libc_malloc(size_t bytes);
void* malloc(size_t bytes) {
  ++allocations;
  return __libc_malloc(bytes);
}
#endif

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

/* Inputs and outputs of one task in float. */
#define MOST_STEPS 4
typedef struct float_task {
  float z[EXAMPLES * DIMENSION], targets[EXAMPLES * LABELS], mask[EXAMPLES * LABELS],
      w_novel[DIMENSION * LABELS];
  float step_sizes[MOST_STEPS * DESIRE_EDGE_STEP_COLUMNS];
  float w1[DIMENSION * HIDDEN], b1[HIDDEN], v[(HIDDEN + 1) * LABELS], q[(HIDDEN + 1) * (HIDDEN + 1)];
  float m[DIMENSION * LABELS], losses[MOST_STEPS + 1], logits[EXAMPLES * LABELS];
  desire_edge_support support;
  desire_edge_adapted adapted;
} float_task;

static void to_float(const double* from, int count, float* to) {
  int i;
  for (i = 0; i < count; ++i) to[i] = (float)from[i];
}

static void set_up(float_task* task) {
  desire_edge_support support = {EXAMPLES, STEPS, NULL, NULL, NULL, NULL, NULL};
  memset(task, 0, sizeof *task);
  to_float(z, EXAMPLES * DIMENSION, task->z);
  to_float(targets, EXAMPLES * LABELS, task->targets);
  to_float(mask, EXAMPLES * LABELS, task->mask);
  to_float(w_novel, DIMENSION * LABELS, task->w_novel);
  to_float(step_sizes, STEPS * DESIRE_EDGE_STEP_COLUMNS, task->step_sizes);
  support.z = task->z;
  support.targets = task->targets;
  support.mask = task->mask;
  support.step_sizes = task->step_sizes;
  task->support = support;
  task->adapted.head.w1 = task->w1;
  task->adapted.head.b1 = task->b1;
  task->adapted.head.v = task->v;
  task->adapted.head.q = task->q;
  task->adapted.head.m = task->m;
  task->adapted.losses = task->losses;
  task->adapted.logits = task->logits;
}

/* A model handle of the arrays above. */
static desire_edge_model* model_handle(void) {
  float f_w1[DIMENSION * HIDDEN], f_b1[HIDDEN], f_w2[HIDDEN * DIMENSION], f_b2[DIMENSION];
  float f_p[DIMENSION * DIMENSION], f_r[DIMENSION * DIMENSION], f_q0[(HIDDEN + 1) * (HIDDEN + 1)];
  desire_edge_model_f32 arrays = {NULL, NULL, NULL, NULL, 1.5F, 0.5F, NULL, NULL, NULL, NULL, NULL};
  desire_edge_model* handle = NULL;
  char error[128];
  int i, j, k;
  to_float(w1, DIMENSION * HIDDEN, f_w1);
  to_float(b1, HIDDEN, f_b1);
  to_float(w2, HIDDEN * DIMENSION, f_w2);
  to_float(b2, DIMENSION, f_b2);
  to_float(w_i, DIMENSION * DIMENSION, f_p);
  to_float(identity, DIMENSION * DIMENSION, f_r);
  for (i = 0; i <= HIDDEN; ++i) {
    for (j = 0; j <= HIDDEN; ++j) {
      double sum = 0;
      for (k = 0; k < DIMENSION; ++k) {
        sum += (i < HIDDEN ? w2[i * DIMENSION + k] : b2[k]) * (j < HIDDEN ? w2[j * DIMENSION + k] : b2[k]);
      }
      f_q0[i * (HIDDEN + 1) + j] = (float)sum;
    }
  }
  arrays.w1 = f_w1;
  arrays.b1 = f_b1;
  arrays.w2 = f_w2;
  arrays.b2 = f_b2;
  arrays.p = f_p;
  arrays.r = f_r;
  arrays.q0 = f_q0;
  expect(desire_edge_model_create(&sizes, &arrays, &handle, error, sizeof error) == DESIRE_EDGE_OK,
         "model_create");
  expect(handle != NULL, "a model handle");
  return handle; /* the arrays go: a handle keeps copies */
}

/* The handles' adaptation in every form, in a workspace at any address, without an allocation; its errors. */
static void handles_adapt_as_the_dense_form_does(void) {
  double new_w1[DIMENSION * HIDDEN], new_b1[HIDDEN], new_w2[HIDDEN * DIMENSION], new_b2[DIMENSION];
  double new_w_i[BASE_LABELS * DIMENSION], losses[STEPS + 1];
  desire_edge_weights_f64 weights = {new_w1, new_b1, new_w2, new_b2, new_w_i, 0, 0};
  desire_edge_task_f64 dense = {z, targets, mask, w_novel, step_sizes, NULL};
  desire_edge_model_f64 arrays = model_f64(), adapted = arrays;
  double logits[EXAMPLES * LABELS];
  desire_edge_model *model = model_handle(), *other = model_handle();
  desire_edge_labels* labels = NULL;
  float_task task;
  char error[128];
  int form, i;

  set_up(&task);
  expect(desire_edge_adapt_dense_f64(&sizes, &arrays, &dense, &weights, losses, error, sizeof error) ==
             DESIRE_EDGE_OK,
         "adapt_dense");
  adapted.w1 = new_w1;
  adapted.b1 = new_b1;
  adapted.w2 = new_w2;
  adapted.b2 = new_b2;
  adapted.w_i = new_w_i;
  adapted.gamma1 = weights.gamma1;
  adapted.gamma2 = weights.gamma2;
  expect(desire_edge_project_f64(&sizes, &adapted, w_novel, z, logits, error, sizeof error) == DESIRE_EDGE_OK,
         "project");
  expect(
      desire_edge_labels_create(model, LABELS, task.w_novel, &labels, error, sizeof error) == DESIRE_EDGE_OK,
      "labels_create");
  for (form = DESIRE_EDGE_FORM_AUTO; form <= DESIRE_EDGE_FORM_WEIGHTS; ++form) {
    desire_edge_adapt_options options = {DESIRE_EDGE_FORM_AUTO, 0};
    size_t bytes = desire_edge_adapt_workspace(model, EXAMPLES, LABELS, STEPS, (desire_edge_form)form);
    char* workspace = (char*)malloc(bytes + 1);
    long before;
    options.form = (desire_edge_form)form;
    expect(bytes > 0 && workspace != NULL, "a workspace");
    before = allocations;
    expect(desire_edge_adapt(model, labels, &task.support, &options, workspace + 1, bytes, &task.adapted,
                             error, sizeof error) == DESIRE_EDGE_OK,
           "adapt");
    expect(allocations == before, "nothing is allocated");
    expect(task.adapted.steps == STEPS, "all steps");
    for (i = 0; i <= STEPS; ++i) expect(fabs(task.losses[i] - losses[i]) < 1e-6, "the same losses");
    for (i = 0; i < DIMENSION * HIDDEN; ++i) expect(fabs(task.w1[i] - new_w1[i]) < 1e-6, "the same w1");
    expect(fabs(task.adapted.head.gamma1 - weights.gamma1) < 1e-6, "the same gamma1");
    for (i = 0; i < EXAMPLES * LABELS; ++i)
      expect(fabs(task.logits[i] - logits[i]) < 1e-5, "the same logits of the support");
    task.adapted.logits = NULL;
    expect(desire_edge_adapt(model, labels, &task.support, &options, workspace, bytes, &task.adapted, error,
                             sizeof error) == DESIRE_EDGE_OK,
           "logits that are not wanted are left away");
    task.adapted.logits = task.logits;
    expect(desire_edge_adapt(model, labels, &task.support, &options, workspace, bytes - 1, &task.adapted,
                             error, sizeof error) == DESIRE_EDGE_INVALID_ARGUMENT,
           "a workspace that is too small is refused");
    expect(strstr(error, "workspace_bytes is ") == error, "and said so");
    expect(desire_edge_adapt(other, labels, &task.support, &options, workspace, bytes, &task.adapted, error,
                             sizeof error) == DESIRE_EDGE_INVALID_ARGUMENT,
           "labels of another model are refused");
    task.support.z = NULL;
    expect(desire_edge_adapt(model, labels, &task.support, &options, workspace, bytes, &task.adapted, error,
                             sizeof error) == DESIRE_EDGE_INVALID_ARGUMENT,
           "an array that is missing is refused");
    expect(strcmp(error, "z is NULL") == 0, "by name");
    task.support.z = task.z;
    free(workspace);
  }
  expect(desire_edge_adapt_workspace(model, 50, 10, 5, DESIRE_EDGE_FORM_AUTO) >=
             desire_edge_adapt_workspace(model, 3, 10, 4, DESIRE_EDGE_FORM_AUTO),
         "a larger workspace serves smaller tasks");
  expect(desire_edge_adapt_workspace(model, -1, 1, 1, DESIRE_EDGE_FORM_AUTO) == 0,
         "no workspace of bad sizes");
  expect(desire_edge_adapt_workspace(NULL, 1, 1, 1, DESIRE_EDGE_FORM_AUTO) == 0, "nor of no model");
  desire_edge_labels_destroy(labels);
  expect(desire_edge_labels_create(model, 0, task.w_novel, &labels, error, sizeof error) ==
             DESIRE_EDGE_INVALID_ARGUMENT,
         "no labels are refused");
  expect(labels == NULL, "and no handle is given");
  desire_edge_labels_destroy(NULL);
  desire_edge_model_destroy(other);
  desire_edge_model_destroy(model);
  desire_edge_model_destroy(NULL);
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

/* Two good tasks around a bad one, on more threads than tasks. */
static void many_tasks_have_a_status_each(void) {
  desire_edge_model* model = model_handle();
  desire_edge_labels* labels = NULL;
  float_task tasks[3];
  desire_edge_job jobs[3];
  char error[128];
  int i;
  for (i = 0; i < 3; ++i) {
    set_up(&tasks[i]);
    memset(&jobs[i], 0, sizeof jobs[i]);
    jobs[i].label_count = LABELS;
    jobs[i].w_novel = tasks[i].w_novel;
    jobs[i].support = tasks[i].support;
    jobs[i].adapted = tasks[i].adapted;
  }
  expect(desire_edge_labels_create(model, LABELS, tasks[2].w_novel, &labels, error, sizeof error) ==
             DESIRE_EDGE_OK,
         "labels_create");
  jobs[2].labels = labels;
  jobs[2].w_novel = NULL;
  tasks[1].mask[1] = -1;
  expect(desire_edge_adapt_many(model, NULL, jobs, 3, 4, error, sizeof error) == DESIRE_EDGE_OK,
         "adapt_many");
  expect(jobs[0].status == DESIRE_EDGE_OK && jobs[2].status == DESIRE_EDGE_OK, "two tasks succeed");
  expect(jobs[1].status == DESIRE_EDGE_INVALID_ARGUMENT, "one does not");
  expect(strstr(jobs[1].error, "mask[0, 1] is -1") == jobs[1].error, "and says why");
  expect(jobs[0].adapted.steps == STEPS, "all steps");
  expect(memcmp(tasks[0].q, tasks[2].q, sizeof tasks[0].q) == 0, "with labels at hand or not: the same bits");
  expect(desire_edge_adapt_many(model, NULL, NULL, 1, 1, error, sizeof error) == DESIRE_EDGE_INVALID_ARGUMENT,
         "no jobs are refused");
  desire_edge_labels_destroy(labels);
  desire_edge_model_destroy(model);
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
  dense_and_lowrank_agree();
  given_scores_stand_for_those_of_the_features();
  projection_in_float_is_what_the_equation_says();
  errors_name_the_argument();
  handles_adapt_as_the_dense_form_does();
  many_tasks_have_a_status_each();
  thresholds_are_weighted_sums();
  kernels_are_told();
  if (failures == 0) printf("all passed\n");
  return failures != 0;
}
