/* The handles: adaptation in every form, to one task and to many, and what they refuse. */
#include "c_abi.h"

/* Inputs and outputs of one task in float. */
typedef struct float_task {
  float z[EXAMPLES * DIMENSION], targets[EXAMPLES * LABELS], mask[EXAMPLES * LABELS],
      w_novel[DIMENSION * LABELS];
  float step_sizes[MOST_STEPS * DESIRE_EDGE_STEP_COLUMNS];
  float w1[DIMENSION * HIDDEN], b1[HIDDEN], v[(HIDDEN + 1) * LABELS], q[(HIDDEN + 1) * (HIDDEN + 1)];
  float m[DIMENSION * LABELS], losses[MOST_STEPS + 1], logits[EXAMPLES * LABELS];
  desire_edge_support support;
  desire_edge_adapted adapted;
} float_task;

static void set_up(float_task* task) {
  desire_edge_support support = {EXAMPLES, STEPS, NULL, NULL, NULL, NULL, NULL};
  int i;
  memset(task, 0, sizeof *task);
  to_float(z, EXAMPLES * DIMENSION, task->z);
  to_float(targets, EXAMPLES * LABELS, task->targets);
  for (i = 0; i < EXAMPLES * LABELS; ++i) task->mask[i] = 1;
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

/* The handles' adaptation in every form, in a workspace at any address, without an allocation; its errors. */
static void handles_adapt_as_autograd_does(void) {
  desire_edge_model *model = model_handle(WITH_P_AND_R), *other = model_handle(WITH_P_AND_R);
  desire_edge_labels* labels = NULL;
  float_task task;
  char error[128];
  int form;

  set_up(&task);
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
    expect_close(task.losses, adapted_by_autograd.losses, STEPS + 1, 1e-6, "the same losses");
    expect_close(task.w1, adapted_by_autograd.w1, DIMENSION * HIDDEN, 1e-6, "the same w1");
    expect(fabs(task.adapted.head.gamma1 - adapted_by_autograd.gamma1) < 1e-6, "the same gamma1");
    expect_close(task.logits, adapted_by_autograd.logits, EXAMPLES * LABELS, 1e-5,
                 "the same logits of the support");
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

/* With the identity for w_base the base labels' scores are z over its norm: given, they change nothing. */
static void given_scores_stand_for_those_of_the_features(void) {
  desire_edge_model* model = model_handle(WITH_W_I);
  desire_edge_labels* labels = NULL;
  size_t bytes = desire_edge_adapt_workspace(model, EXAMPLES, LABELS, STEPS, DESIRE_EDGE_FORM_AUTO);
  void* workspace = malloc(bytes);
  float scores[EXAMPLES * BASE_LABELS];
  float_task task;
  char error[128];
  int i, j;

  set_up(&task);
  for (i = 0; i < EXAMPLES; ++i) {
    const double* row = z + i * DIMENSION;
    const double norm = sqrt(row[0] * row[0] + row[1] * row[1] + row[2] * row[2] + 1e-12);
    for (j = 0; j < BASE_LABELS; ++j) scores[i * BASE_LABELS + j] = (float)(row[j] / norm);
  }
  expect(
      desire_edge_labels_create(model, LABELS, task.w_novel, &labels, error, sizeof error) == DESIRE_EDGE_OK,
      "labels_create");
  expect(desire_edge_adapt(model, labels, &task.support, NULL, workspace, bytes, &task.adapted, error,
                           sizeof error) == DESIRE_EDGE_INVALID_ARGUMENT,
         "no scores are refused");
  expect(strcmp(error, "scores is NULL") == 0, "by name");
  task.support.scores = scores;
  expect(desire_edge_adapt(model, labels, &task.support, NULL, workspace, bytes, &task.adapted, error,
                           sizeof error) == DESIRE_EDGE_OK,
         "adapt, with scores");
  expect_close(task.losses, adapted_by_autograd.losses, STEPS + 1, 1e-6, "the same losses");
  expect_close(task.logits, adapted_by_autograd.logits, EXAMPLES * LABELS, 1e-5, "the same logits");
  free(workspace);
  desire_edge_labels_destroy(labels);
  desire_edge_model_destroy(model);
}

static void models_lack_nothing(void) {
  float_model model;
  desire_edge_model* handle = NULL;
  char error[128];

  set_up_model(&model, WITH_P_AND_R);
  model.arrays.p = NULL;
  expect(desire_edge_model_create(&sizes, &model.arrays, &handle, error, sizeof error) ==
             DESIRE_EDGE_INVALID_ARGUMENT,
         "r without p is refused");
  expect(strcmp(error, "p is NULL") == 0 && handle == NULL, "the one missing is named");
  model.arrays.r = NULL;
  expect(desire_edge_model_create(&sizes, &model.arrays, &handle, error, sizeof error) ==
             DESIRE_EDGE_INVALID_ARGUMENT,
         "neither p and r nor w_i is refused");
  expect(strcmp(error, "w_i is NULL") == 0, "it is named");
  set_up_model(&model, WITH_W_I);
  model.arrays.w_base = NULL;
  expect(desire_edge_model_create(&sizes, &model.arrays, &handle, error, sizeof error) ==
             DESIRE_EDGE_INVALID_ARGUMENT,
         "known labels without w_base are refused");
  expect(strcmp(error, "w_base is NULL") == 0, "it is named");
  model.arrays.threshold_weights = NULL;
  model.arrays.step_sizes = NULL;
  expect(desire_edge_model_create(&sizes, &model.arrays, &handle, error, sizeof error) == DESIRE_EDGE_OK,
         "a model that is not to learn needs none of it");
  desire_edge_model_destroy(handle);
}

/* Two good tasks around a bad one, on more threads than tasks. */
static void many_tasks_have_a_status_each(void) {
  desire_edge_model* model = model_handle(WITH_P_AND_R);
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

void test_handles(void) {
  handles_adapt_as_autograd_does();
  given_scores_stand_for_those_of_the_features();
  models_lack_nothing();
  many_tasks_have_a_status_each();
}
