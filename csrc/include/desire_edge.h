/*
 * desire-edge: multi-label few-shot inference on the device, as a C library.
 *
 * The model is Eq. (1) of Wang, Duan, Liu, Tao, "Multi-label Few-shot Learning with Semantic Inference",
 * AAAI 2021:
 *
 *     logits = ( gamma1 W_Z(z) / ||W_Z(z)||  +  gamma2 (z W_base) / ||z W_base|| W_I ) W_novel
 *     W_Z(z) = relu(z w1 + b1) w2 + b2             ||a|| = sqrt(a.a + 1e-12)
 *
 * Conventions that hold for every function:
 * - Arrays are dense and row-major; a shape is written [rows, columns]. Sizes: S examples, N labels, d the
 *   dimension of the features z and of the word vectors, h hidden units of W_Z, B base labels, T steps.
 * - Functions without handles come for float (`_f32`) and double (`_f64`). Sums are taken in double, but for
 * those of the low-rank form and of the folded head in float.
 * - Memory belongs to the caller, inputs and outputs alike; nothing is kept after the call returns, but for
 * what a handle copies. Outputs must not overlap inputs or each other. An array without elements (S = 0, T =
 * 0) may be NULL.
 * - A function reads only the sizes and fields its comment names; the others may be 0 or NULL.
 * - Every input is checked: sizes within their bounds, pointers not NULL, all values finite. Anything else
 *   returns DESIRE_EDGE_INVALID_ARGUMENT. A result that is not finite returns DESIRE_EDGE_DIVERGED.
 *   After any status but DESIRE_EDGE_OK the outputs hold unspecified values.
 * - `error` (of `error_capacity` bytes; NULL and 0 for none) receives a sentence that names the argument
 *   at fault, cut to the capacity and always ended by a 0 byte; an empty one on DESIRE_EDGE_OK.
 * - Functions have no state: any number of threads may call them at once, on shared inputs and handles, and
 * separate outputs and workspaces. None but desire_edge_adapt_many starts threads; they throw nothing. The
 * same input gives the same bits on one machine, however many threads there are.
 *
 * To adapt one model to many tasks: make a desire_edge_model once, desire_edge_labels for each label set, and
 * call desire_edge_adapt, which allocates nothing, or desire_edge_adapt_many.
 */
#ifndef DESIRE_EDGE_H
#define DESIRE_EDGE_H

#include <stddef.h>
#include <stdint.h>

/* Semantic version: MAJOR changes with the meaning or layout of anything below, MINOR with additions; while
 * MAJOR is 0, MINOR with either. Since 0.3: the support's logits, and thresholds. Since 0.2: the handles;
 * single precision sums in float, not double. */
#define DESIRE_EDGE_VERSION_MAJOR 0
#define DESIRE_EDGE_VERSION_MINOR 3
#define DESIRE_EDGE_VERSION_PATCH 0

#if defined(_WIN32) && defined(DESIRE_EDGE_SHARED)
#ifdef DESIRE_EDGE_BUILDING
#define DESIRE_EDGE_API __declspec(dllexport)
#else
#define DESIRE_EDGE_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define DESIRE_EDGE_API __attribute__((visibility("default")))
#else
#define DESIRE_EDGE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The largest size accepted for S, N, d, h, B and T; products of two stay far from overflow. */
#define DESIRE_EDGE_MAX_SIZE (sizeof(void*) >= 8 ? (int64_t)1 << 24 : (int64_t)1 << 13)

/* Columns of `step_sizes`: for w1 and b1, for w2 and b2, for w_i, for gamma1, for gamma2. */
#define DESIRE_EDGE_STEP_COLUMNS 5

typedef enum desire_edge_status {
  DESIRE_EDGE_OK = 0,
  DESIRE_EDGE_INVALID_ARGUMENT = 1, /* an argument broke its contract; nothing was computed */
  DESIRE_EDGE_DIVERGED = 2,         /* a result overflowed: smaller step sizes, or smaller inputs */
  DESIRE_EDGE_OUT_OF_MEMORY = 3,    /* working memory could not be allocated */
  DESIRE_EDGE_INTERNAL_ERROR = 4    /* a defect of this library */
} desire_edge_status;

/* The library's version, "MAJOR.MINOR.PATCH". A static string. Never fails. */
DESIRE_EDGE_API const char* desire_edge_version(void);

/* What a status means, in a few words. A static string, never NULL, for any value. */
DESIRE_EDGE_API const char* desire_edge_status_message(desire_edge_status status);

/* Sizes of all arrays of one call. */
typedef struct desire_edge_sizes {
  int64_t examples;    /* S >= 0, rows of z */
  int64_t labels;      /* N >= 1 */
  int64_t dimension;   /* d >= 1 */
  int64_t hidden;      /* h >= 1 */
  int64_t base_labels; /* B >= 1 */
  int64_t steps;       /* T >= 0 */
} desire_edge_sizes;

/* The model, as trained or as adapted by desire_edge_adapt_dense. The low-rank form reads the last three in
 * place of w_base and w_i; or, where p and r are NULL, w_i and q0. */
typedef struct desire_edge_model_f32 {
  const float* w1;     /* [d, h] */
  const float* b1;     /* [h] */
  const float* w2;     /* [h, d] */
  const float* b2;     /* [d] */
  float gamma1;        /* factor of the W_Z term */
  float gamma2;        /* factor of the inference term */
  const float* w_base; /* [d, B] word vectors of the base labels, one a column */
  const float* w_i;    /* [B, d] inference matrix */
  const float* p;      /* [d, d] w_base w_i */
  const float* r;      /* [d, d] any R with R^T R = w_base w_base^T, so that ||z R^T|| = ||z w_base|| */
  const float* q0;     /* [h + 1, h + 1] [w2; b2] [w2; b2]^T */
} desire_edge_model_f32;

typedef struct desire_edge_model_f64 {
  const double* w1;
  const double* b1;
  const double* w2;
  const double* b2;
  double gamma1;
  double gamma2;
  const double* w_base;
  const double* w_i;
  const double* p;
  const double* r;
  const double* q0;
} desire_edge_model_f64;

/* What there is to learn: the support set, the labels' word vectors, and how far each step goes. */
typedef struct desire_edge_task_f32 {
  const float* z;          /* [S, d] features of the support examples */
  const float* targets;    /* [S, N] in [0, 1] */
  const float* mask;       /* [S, N] weights >= 0: 1 a known target, 0 an unknown one */
  const float* w_novel;    /* [d, N] word vectors of the labels, one a column */
  const float* step_sizes; /* [T, DESIRE_EDGE_STEP_COLUMNS] */
  const float* scores;     /* [S, B] what is to stand for z w_base / ||z w_base||, see adapt_lowrank */
} desire_edge_task_f32;

typedef struct desire_edge_task_f64 {
  const double* z;
  const double* targets;
  const double* mask;
  const double* w_novel;
  const double* step_sizes;
  const double* scores;
} desire_edge_task_f64;

/* Adapted weights in the model's own form. The caller gives the arrays; the call fills them and sets the
 * gammas. */
typedef struct desire_edge_weights_f32 {
  float* w1;  /* [d, h] */
  float* b1;  /* [h] */
  float* w2;  /* [h, d] */
  float* b2;  /* [d] */
  float* w_i; /* [B, d] */
  float gamma1;
  float gamma2;
} desire_edge_weights_f32;

typedef struct desire_edge_weights_f64 {
  double* w1;
  double* b1;
  double* w2;
  double* b2;
  double* w_i;
  double gamma1;
  double gamma2;
} desire_edge_weights_f64;

/* The folded head of one label set: with h~ = [relu(z w1 + b1), 1],
 *     logits = gamma1 h~ v / sqrt(h~ q h~^T + 1e-12)  +  gamma2 z m / ||z R^T||,
 * or, for scores u [S, B] that the caller has, with gamma2 u m as the second term and m of B rows.
 * The caller gives the arrays; the calls that make a head fill them and set the gammas. */
typedef struct desire_edge_head_f32 {
  float* w1; /* [d, h] */
  float* b1; /* [h] */
  float* v;  /* [h + 1, N] [w2; b2] w_novel */
  float* q;  /* [h + 1, h + 1] [w2; b2] [w2; b2]^T */
  float* m;  /* [d, N] w_base w_i w_novel, or [B, N] w_i w_novel */
  float gamma1;
  float gamma2;
} desire_edge_head_f32;

typedef struct desire_edge_head_f64 {
  double* w1;
  double* b1;
  double* v;
  double* q;
  double* m;
  double gamma1;
  double gamma2;
} desire_edge_head_f64;

/*
 * The l2-normalised projection, Eq. (1).
 * Reads S, N, d, h, B and the model's w1, b1, w2, b2, gamma1, gamma2, w_base, w_i.
 *   w_novel [d, N], z [S, d]: inputs;  logits [S, N]: output.
 */
DESIRE_EDGE_API desire_edge_status desire_edge_project_f32(const desire_edge_sizes* sizes,
                                                           const desire_edge_model_f32* model,
                                                           const float* w_novel, const float* z,
                                                           float* logits, char* error, size_t error_capacity);
DESIRE_EDGE_API desire_edge_status desire_edge_project_f64(const desire_edge_sizes* sizes,
                                                           const desire_edge_model_f64* model,
                                                           const double* w_novel, const double* z,
                                                           double* logits, char* error,
                                                           size_t error_capacity);

/*
 * Adaptation: T plain SGD steps on the support set's loss,
 *     sum(mask * BCEWithLogits(logits, targets)) / sum(mask),
 * which is 0 without a gradient where the mask sums to 0, over w1, b1, w2, b2, w_i, gamma1, gamma2, in the
 * model's own form: the plain reference, whose cost grows with B.
 * Reads all sizes, the task but for its scores, and the model's w1, b1, w2, b2, gamma1, gamma2, w_base, w_i.
 *   adapted: output;
 *   losses [T + 1]: output, the loss before each step and after the last.
 */
DESIRE_EDGE_API desire_edge_status desire_edge_adapt_dense_f32(
    const desire_edge_sizes* sizes, const desire_edge_model_f32* model, const desire_edge_task_f32* task,
    desire_edge_weights_f32* adapted, float* losses, char* error, size_t error_capacity);
DESIRE_EDGE_API desire_edge_status desire_edge_adapt_dense_f64(
    const desire_edge_sizes* sizes, const desire_edge_model_f64* model, const desire_edge_task_f64* task,
    desire_edge_weights_f64* adapted, double* losses, char* error, size_t error_capacity);

/*
 * The same adaptation in low-rank form, straight to the folded head: the same numbers up to rounding, at a
 * cost that does not depend on B. The norm of W_Z(z) is taken from q, which squares a cancellation: watch
 * `conditioning`.
 * Reads S, N, d, h, T, the task but for its scores, and the model's w1, b1, w2, b2, gamma1, gamma2, p, r, q0.
 * Where p and r are NULL, B, the task's scores and the model's w_i are read in their place, and the scores
 * stand for z w_base / ||z w_base||: so the base labels that an example is known to carry can stand in for
 * those that the model sees in it. A step's cost does not depend on B then either.
 * That p, r and q0 belong to the model, and that rows of scores are of norm 1, is the caller's word: it is
 * not checked.
 *   head: output, its m of d rows, or of B rows where p and r are NULL;
 *   losses [T + 1]: output, the loss before each step and after the last;
 *   conditioning [2]: output, the largest ||relu(z w1 + b1) w2|| / ||W_Z(z)|| over the support examples,
 *   before adaptation and after it, 0 where S = 0. In float the result is good to 1e-5 while this stays
 *   below about 10 and d is 4 or more; else use double (d 2 or more), or desire_edge_adapt_dense.
 */
DESIRE_EDGE_API desire_edge_status desire_edge_adapt_lowrank_f32(
    const desire_edge_sizes* sizes, const desire_edge_model_f32* model, const desire_edge_task_f32* task,
    desire_edge_head_f32* head, float* losses, float* conditioning, char* error, size_t error_capacity);
DESIRE_EDGE_API desire_edge_status desire_edge_adapt_lowrank_f64(
    const desire_edge_sizes* sizes, const desire_edge_model_f64* model, const desire_edge_task_f64* task,
    desire_edge_head_f64* head, double* losses, double* conditioning, char* error, size_t error_capacity);

/*
 * The folded head of a model, adapted or not.
 * Reads N, d, h, B and the model's w1, b1, w2, b2, gamma1, gamma2, w_base, w_i.
 *   w_novel [d, N]: input;  head: output.
 */
DESIRE_EDGE_API desire_edge_status desire_edge_fold_f32(const desire_edge_sizes* sizes,
                                                        const desire_edge_model_f32* model,
                                                        const float* w_novel, desire_edge_head_f32* head,
                                                        char* error, size_t error_capacity);
DESIRE_EDGE_API desire_edge_status desire_edge_fold_f64(const desire_edge_sizes* sizes,
                                                        const desire_edge_model_f64* model,
                                                        const double* w_novel, desire_edge_head_f64* head,
                                                        char* error, size_t error_capacity);

/*
 * Logits of a folded head. Reads S, N, d, h and the whole head, which it leaves as it is. Where r is NULL, B
 * and scores are read in its place, and the head's m has B rows; else scores are not read.
 *   r [d, d], scores [S, B], z [S, d]: inputs;  logits [S, N]: output.
 */
DESIRE_EDGE_API desire_edge_status desire_edge_head_logits_f32(const desire_edge_sizes* sizes,
                                                               const desire_edge_head_f32* head,
                                                               const float* r, const float* scores,
                                                               const float* z, float* logits, char* error,
                                                               size_t error_capacity);
DESIRE_EDGE_API desire_edge_status desire_edge_head_logits_f64(const desire_edge_sizes* sizes,
                                                               const desire_edge_head_f64* head,
                                                               const double* r, const double* scores,
                                                               const double* z, double* logits, char* error,
                                                               size_t error_capacity);

/*
 * Handles, in float: the same low-rank adaptation, with what does not change from task to task prepared once.
 *
 * A model handle holds a copy of a model, packed for this CPU's instruction set. A labels handle holds what
 * depends on the label set alone. Both are constant once made: any number of threads may use them at once.
 * Destroy each once, when no call uses it; labels before their model. Destroying NULL does nothing.
 */
typedef struct desire_edge_model desire_edge_model;
typedef struct desire_edge_labels desire_edge_labels;

/* The kernels (avx512, avx2, baseline) that this CPU runs, by name, the fastest first: a static string, NULL
 * past the last. A model takes the fastest, or those that the environment variable DESIRE_EDGE_KERNELS names.
 */
DESIRE_EDGE_API const char* desire_edge_kernels(size_t index);

/*
 * Packs a model. Reads d, h and the arrays' w1, b1, w2, b2, gamma1, gamma2, q0, and p and r; or, where these
 * are NULL, B and w_i: such a model's tasks give scores. Checks all of it, so that no later call need. model:
 * output, the handle; NULL after any status but DESIRE_EDGE_OK.
 */
DESIRE_EDGE_API desire_edge_status desire_edge_model_create(const desire_edge_sizes* sizes,
                                                            const desire_edge_model_f32* arrays,
                                                            desire_edge_model** model, char* error,
                                                            size_t error_capacity);
DESIRE_EDGE_API void desire_edge_model_destroy(desire_edge_model* model);

/*
 * Prepares `count` labels, N, with word vectors w_novel [d, N] for a model.
 *   labels: output, the handle; NULL after any status but DESIRE_EDGE_OK.
 */
DESIRE_EDGE_API desire_edge_status desire_edge_labels_create(const desire_edge_model* model, int64_t count,
                                                             const float* w_novel,
                                                             desire_edge_labels** labels, char* error,
                                                             size_t error_capacity);
DESIRE_EDGE_API void desire_edge_labels_destroy(desire_edge_labels* labels);

/* What the steps change beside w1, for which the logits of the support set are enough. The result is the same
 * but for rounding; AUTO takes what costs least. */
typedef enum desire_edge_form {
  DESIRE_EDGE_FORM_AUTO = 0,
  DESIRE_EDGE_FORM_PAIRS = 1, /* nothing: q is made from all steps' changes at the end; for few examples */
  DESIRE_EDGE_FORM_GRAM = 2,  /* q */
  DESIRE_EDGE_FORM_WEIGHTS =
      3 /* w2 and b2, as plain SGD does: for very many examples, or a bad conditioning */
} desire_edge_form;

typedef struct desire_edge_adapt_options {
  desire_edge_form form;
  /* Not 0: the head is that of the step with the lowest loss, the last of several, and steps after one whose
   * loss is not finite are not taken: their losses are infinite. */
  int32_t keep_lowest;
} desire_edge_adapt_options;

/* The support set, and how far each step goes. */
typedef struct desire_edge_support {
  int64_t examples;        /* S >= 0 */
  int64_t steps;           /* T >= 0 */
  const float* z;          /* [S, d] features */
  const float* targets;    /* [S, N] in [0, 1] */
  const float* mask;       /* [S, N] weights >= 0: 1 a known target, 0 an unknown one */
  const float* step_sizes; /* [T, DESIRE_EDGE_STEP_COLUMNS] */
  const float*
      scores; /* [S, B] as for desire_edge_adapt_lowrank, for a model without p and r; else not read */
} desire_edge_support;

/* The result. The caller gives the arrays of head and losses, and logits or NULL; the call fills them and
 * sets the rest. */
typedef struct desire_edge_adapted {
  desire_edge_head_f32 head; /* its m of d rows, or of B rows for a model without p and r */
  float* losses;             /* [T + 1] the loss before each step and after the last */
  float* logits;             /* [S, N] what the head says of the support examples; NULL if not wanted */
  int64_t steps;             /* steps that the head has taken: T, or fewer with keep_lowest */
  float conditioning[2];     /* before adaptation and of the head, as for desire_edge_adapt_lowrank */
} desire_edge_adapted;

/* Bytes of workspace with which desire_edge_adapt can adapt to any task of at most that many examples, labels
 * and steps, in the form AUTO, or in that `form` alone; 0 if a size is out of bounds or model is NULL. */
DESIRE_EDGE_API size_t desire_edge_adapt_workspace(const desire_edge_model* model, int64_t examples,
                                                   int64_t labels, int64_t steps, desire_edge_form form);

/*
 * T steps, as desire_edge_adapt_lowrank, without an allocation.
 *   options: NULL for AUTO, and all steps;
 *   workspace: of workspace_bytes, of any alignment; unspecified values before and after.
 */
DESIRE_EDGE_API desire_edge_status desire_edge_adapt(
    const desire_edge_model* model, const desire_edge_labels* labels, const desire_edge_support* support,
    const desire_edge_adapt_options* options, void* workspace, size_t workspace_bytes,
    desire_edge_adapted* adapted, char* error, size_t error_capacity);

/* Figures of its support that a label's decision threshold is made of. */
#define DESIRE_EDGE_THRESHOLD_WEIGHTS 5

/*
 * Decision thresholds: the probability from which each label is said to hold, a linear function (in log odds)
 * of its support whose weights come with the model: of 1; and, where its target is known for an example, of 1
 * again, the log odds of a positive target (one of each kind added), and the mean and standard deviation of
 * its logits. logits, targets, mask [examples, labels]: inputs, as desire_edge_adapt returns and reads them,
 * the mask of 0 and 1;  weights [DESIRE_EDGE_THRESHOLD_WEIGHTS]: input; thresholds [labels]: output, kept
 * 1e-6 away from 0 and from 1.
 */
DESIRE_EDGE_API desire_edge_status desire_edge_thresholds(int64_t examples, int64_t labels,
                                                          const float* logits, const float* targets,
                                                          const float* mask, const float* weights,
                                                          double* thresholds, char* error,
                                                          size_t error_capacity);

/* One of many tasks. The caller sets all but the last two. */
typedef struct desire_edge_job {
  const desire_edge_labels* labels; /* or NULL, and word vectors: */
  int64_t label_count;              /* N */
  const float* w_novel;             /* [d, N] */
  desire_edge_support support;
  desire_edge_adapted adapted;
  desire_edge_status status; /* this task's own */
  char error[128];
} desire_edge_job;

/*
 * Adapts one model to many tasks on up to `threads` threads, the caller's among them. Each job gets the bits
 * that desire_edge_adapt gives, and a status of its own: one that fails leaves the others alone. Returns
 * DESIRE_EDGE_OK if all were tried, whatever their statuses.
 */
DESIRE_EDGE_API desire_edge_status desire_edge_adapt_many(const desire_edge_model* model,
                                                          const desire_edge_adapt_options* options,
                                                          desire_edge_job* jobs, int64_t count,
                                                          int64_t threads, char* error,
                                                          size_t error_capacity);

#ifdef __cplusplus
}
#endif

#endif /* DESIRE_EDGE_H */
