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
 * - Each function comes for float (`_f32`) and double (`_f64`). Sums are taken in double in both.
 * - Memory belongs to the caller, inputs and outputs alike; nothing is kept after the call returns.
 *   Outputs must not overlap inputs or each other. An array without elements (S = 0, T = 0) may be NULL.
 * - A function reads only the sizes and fields its comment names; the others may be 0 or NULL.
 * - Every input is checked: sizes within their bounds, pointers not NULL, all values finite. Anything else
 *   returns DESIRE_EDGE_INVALID_ARGUMENT. A result that is not finite returns DESIRE_EDGE_DIVERGED.
 *   After any status but DESIRE_EDGE_OK the outputs hold unspecified values.
 * - `error` (of `error_capacity` bytes; NULL and 0 for none) receives a sentence that names the argument
 *   at fault, cut to the capacity and always ended by a 0 byte; an empty one on DESIRE_EDGE_OK.
 * - Functions have no state: any number of threads may call them at once, on shared inputs and separate
 *   outputs. They start no thread and throw nothing. The same input gives the same bits.
 */
#ifndef DESIRE_EDGE_H
#define DESIRE_EDGE_H

#include <stddef.h>
#include <stdint.h>

/* Semantic version: MAJOR changes with the meaning or layout of anything below, MINOR with additions. */
#define DESIRE_EDGE_VERSION_MAJOR 0
#define DESIRE_EDGE_VERSION_MINOR 1
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

#ifdef __cplusplus
}
#endif

#endif /* DESIRE_EDGE_H */
