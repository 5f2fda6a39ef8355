/*
 * Adapts the task of a file and writes what comes of it: `adapt_file f64|f32|none INPUT OUTPUT`.
 *
 * INPUT holds eight int64: S, N, d, h, B, T, Q (query rows) and 0; then float64 arrays: z [S, d], targets [S,
 * N], mask [S, N], w_novel [d, N], step_sizes [T, 5], w1 [d, h], b1 [h], w2 [h, d], b2 [d], gamma1, gamma2, p
 * [d, d], r [d, d], q0 [h + 1, h + 1], query [Q, d]. OUTPUT gets losses [T + 1] and the adapted head's logits
 * of the query rows, [Q, N], as float64. f64 goes by desire_edge_adapt_lowrank_f64; f32 by the handles; none
 * reads and allocates all the same, and does nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desire_edge.h"

#define ARRAYS 15
enum { Z, TARGETS, MASK, W_NOVEL, STEP_SIZES, W1, B1, W2, B2, GAMMA1, GAMMA2, P, R, Q0, QUERY };

static desire_edge_sizes sizes;
static size_t queries;

static void require(int condition, const char* what) {
  if (condition) return;
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static void* allocate(size_t count, size_t size) {
  void* memory = calloc(count ? count : 1, size);
  require(memory != NULL, "out of memory");
  return memory;
}

static size_t count_of(int array) {
  const size_t S = (size_t)sizes.examples, N = (size_t)sizes.labels, d = (size_t)sizes.dimension,
               h = (size_t)sizes.hidden, T = (size_t)sizes.steps;
  const size_t counts[ARRAYS] = {S * d,
                                 S * N,
                                 S * N,
                                 d * N,
                                 T * DESIRE_EDGE_STEP_COLUMNS,
                                 d * h,
                                 h,
                                 h * d,
                                 d,
                                 1,
                                 1,
                                 d * d,
                                 d * d,
                                 (h + 1) * (h + 1),
                                 queries * d};
  return counts[array];
}

static void read_task(const char* path, double* arrays[ARRAYS]) {
  int64_t header[8];
  int i;
  FILE* file = fopen(path, "rb");
  require(file != NULL && fread(header, sizeof header, 1, file) == 1, "no input");
  sizes.examples = header[0];
  sizes.labels = header[1];
  sizes.dimension = header[2];
  sizes.hidden = header[3];
  sizes.base_labels = header[4];
  sizes.steps = header[5];
  queries = (size_t)header[6];
  for (i = 0; i < ARRAYS; ++i) {
    arrays[i] = (double*)allocate(count_of(i), sizeof(double));
    require(fread(arrays[i], sizeof(double), count_of(i), file) == count_of(i), "the input is too short");
  }
  fclose(file);
}

static void adapt_f64(double* const a[ARRAYS], desire_edge_head_f64* head, double* losses, double* logits) {
  const desire_edge_model_f64 model = {a[W1], a[B1], a[W2], a[B2], *a[GAMMA1], *a[GAMMA2],
                                       NULL,  NULL,  a[P],  a[R],  a[Q0]};
  const desire_edge_task_f64 task = {a[Z], a[TARGETS], a[MASK], a[W_NOVEL], a[STEP_SIZES], NULL};
  desire_edge_sizes query_sizes = sizes;
  double conditioning[2];
  char error[256];
  require(desire_edge_adapt_lowrank_f64(&sizes, &model, &task, head, losses, conditioning, error,
                                        sizeof error) == DESIRE_EDGE_OK,
          error);
  query_sizes.examples = (int64_t)queries;
  require(desire_edge_head_logits_f64(&query_sizes, head, a[R], NULL, a[QUERY], logits, error,
                                      sizeof error) == DESIRE_EDGE_OK,
          error);
}

static void adapt_f32(float* const a[ARRAYS], desire_edge_adapted* adapted, float* logits) {
  const desire_edge_model_f32 arrays = {a[W1], a[B1], a[W2], a[B2], *a[GAMMA1], *a[GAMMA2],
                                        NULL,  NULL,  a[P],  a[R],  a[Q0]};
  const desire_edge_support support = {sizes.examples, sizes.steps,   a[Z], a[TARGETS],
                                       a[MASK],        a[STEP_SIZES], NULL};
  desire_edge_sizes query_sizes = sizes;
  desire_edge_model* model;
  desire_edge_labels* labels;
  size_t workspace_bytes;
  void* workspace;
  char error[256];
  require(desire_edge_model_create(&sizes, &arrays, &model, error, sizeof error) == DESIRE_EDGE_OK, error);
  require(desire_edge_labels_create(model, sizes.labels, a[W_NOVEL], &labels, error, sizeof error) ==
              DESIRE_EDGE_OK,
          error);
  workspace_bytes =
      desire_edge_adapt_workspace(model, sizes.examples, sizes.labels, sizes.steps, DESIRE_EDGE_FORM_AUTO);
  workspace = allocate(workspace_bytes, 1);
  require(desire_edge_adapt(model, labels, &support, NULL, workspace, workspace_bytes, adapted, error,
                            sizeof error) == DESIRE_EDGE_OK,
          error);
  free(workspace);
  desire_edge_labels_destroy(labels);
  desire_edge_model_destroy(model);
  query_sizes.examples = (int64_t)queries;
  require(desire_edge_head_logits_f32(&query_sizes, &adapted->head, a[R], NULL, a[QUERY], logits, error,
                                      sizeof error) == DESIRE_EDGE_OK,
          error);
}

int main(int count, char** arguments) {
  double* arrays[ARRAYS];
  float* floats[ARRAYS];
  double *losses, *logits;
  float* float_logits;
  size_t d, h, N, T, i, k;
  desire_edge_head_f64 head;
  desire_edge_adapted adapted;
  FILE* file;

  require(count == 4, "usage: adapt_file f64|f32|none INPUT OUTPUT");
  read_task(arguments[2], arrays);
  d = (size_t)sizes.dimension;
  h = (size_t)sizes.hidden;
  N = (size_t)sizes.labels;
  T = (size_t)sizes.steps;
  losses = (double*)allocate(T + 1, sizeof(double));
  logits = (double*)allocate(queries * N, sizeof(double));
  if (strcmp(arguments[1], "f64") == 0) {
    memset(&head, 0, sizeof head);
    head.w1 = (double*)allocate(d * h, sizeof(double));
    head.b1 = (double*)allocate(h, sizeof(double));
    head.v = (double*)allocate((h + 1) * N, sizeof(double));
    head.q = (double*)allocate((h + 1) * (h + 1), sizeof(double));
    head.m = (double*)allocate(d * N, sizeof(double));
    adapt_f64(arrays, &head, losses, logits);
  } else {
    for (i = 0; i < ARRAYS; ++i) {
      floats[i] = (float*)allocate(count_of((int)i), sizeof(float));
      for (k = 0; k < count_of((int)i); ++k) floats[i][k] = (float)arrays[i][k];
    }
    memset(&adapted, 0, sizeof adapted);
    adapted.head.w1 = (float*)allocate(d * h, sizeof(float));
    adapted.head.b1 = (float*)allocate(h, sizeof(float));
    adapted.head.v = (float*)allocate((h + 1) * N, sizeof(float));
    adapted.head.q = (float*)allocate((h + 1) * (h + 1), sizeof(float));
    adapted.head.m = (float*)allocate(d * N, sizeof(float));
    adapted.losses = (float*)allocate(T + 1, sizeof(float));
    float_logits = (float*)allocate(queries * N, sizeof(float));
    if (strcmp(arguments[1], "f32") == 0) adapt_f32(floats, &adapted, float_logits);
    for (i = 0; i < T + 1; ++i) losses[i] = adapted.losses[i];
    for (i = 0; i < queries * N; ++i) logits[i] = float_logits[i];
  }
  file = fopen(arguments[3], "wb");
  require(file != NULL && fwrite(losses, sizeof(double), T + 1, file) == T + 1 &&
              fwrite(logits, sizeof(double), queries * N, file) == queries * N && fclose(file) == 0,
          "the output could not be written");
  return 0;
}
