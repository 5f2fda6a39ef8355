/*
 * desire-edge: multi-label few-shot inference on the device, as a C library.
 *
 * The model is Eq. (1) of Wang, Duan, Liu, Tao, "Multi-label Few-shot Learning with Semantic Inference",
 * AAAI 2021:
 *
 *     logits = ( gamma1 W_Z(z) / ||W_Z(z)||  +  gamma2 (z W_base) / ||z W_base|| W_I ) W_novel
 *     W_Z(z) = relu(z w1 + b1) w2 + b2             ||a|| = sqrt(a.a + 1e-12)
 *
 * with weights that examples change by a few steps of SGD. Or, in the head `prior`, of linear terms that
 * examples change through a kernel, see desire_edge_prior_create.
 *
 * To teach a model labels: make a desire_edge_model once (by desire_edge_prior_create with the head `prior`), and
 * call desire_edge_learn. It holds the rules of a device: which steps are taken, in which precision, and what of
 * it the graph head.onnx reads. Beneath it, for rules of your own: make desire_edge_labels for each label set,
 * and call desire_edge_adapt, which allocates nothing, or desire_edge_adapt_many.
 *
 * Conventions that hold for every function:
 * - Arrays are dense and row-major; a shape is written [rows, columns]. Sizes: S examples, N labels, d the
 *   dimension of the features z and of the word vectors, h hidden units of W_Z, B base labels, T steps.
 * - Arrays are of float. Only the projection comes for float (`_f32`) and for double (`_f64`).
 * - Memory belongs to the caller, inputs and outputs alike; nothing is kept after the call returns, but for
 *   what a handle copies. Outputs must not overlap inputs or each other. An array without elements (S = 0,
 *   T = 0) may be NULL.
 * - A function reads only the sizes and fields its comment names; the others may be 0 or NULL.
 * - Every input is checked: sizes within their bounds, pointers not NULL, all values finite. Anything else
 *   returns DESIRE_EDGE_INVALID_ARGUMENT. A result that is not finite returns DESIRE_EDGE_DIVERGED.
 *   After any status but DESIRE_EDGE_OK the outputs hold unspecified values.
 * - `error` (of `error_capacity` bytes; NULL and 0 for none) receives a sentence that names the argument
 *   at fault, cut to the capacity and always ended by a 0 byte; an empty one on DESIRE_EDGE_OK.
 * - Functions have no state: any number of threads may call them at once, on shared inputs and handles, and
 *   separate outputs and workspaces. None but desire_edge_adapt_many starts threads; they throw nothing. The
 *   same input gives the same bits on one machine, however many threads there are.
 */
#ifndef DESIRE_EDGE_H
#define DESIRE_EDGE_H

#include <stddef.h>
#include <stdint.h>

/* Semantic version: MAJOR changes with the meaning or layout of anything below, MINOR with additions, or while
 * MAJOR is 0 with either.
 * Since 0.5: the head `prior`, with l, b and alpha of desire_edge_learned; desire_edge_held_out_loss. */
#define DESIRE_EDGE_VERSION_MAJOR 0
#define DESIRE_EDGE_VERSION_MINOR 5
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

/* Figures of its support that a label's decision threshold is made of. */
#define DESIRE_EDGE_THRESHOLD_WEIGHTS 5

/* Numbers of desire_edge_prior_f32.scalars. */
#define DESIRE_EDGE_PRIOR_SCALARS 21

/* The conditioning beyond which single precision loses more than about 4e-6 of the logits, so that
 * desire_edge_learn goes on in double. It is the largest ||relu(z w1 + b1) w2|| / ||W_Z(z)|| over the support
 * examples, 0 where S = 0. */
#define DESIRE_EDGE_MAX_CONDITIONING 7.0F

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

/* The model, as trained. */
typedef struct desire_edge_model_f32 {
  const float* w1;                /* [d, h] */
  const float* b1;                /* [h] */
  const float* w2;                /* [h, d] */
  const float* b2;                /* [d] */
  float gamma1;                   /* factor of the W_Z term */
  float gamma2;                   /* factor of the inference term */
  const float* w_base;            /* [d, B] word vectors of the base labels, one a column */
  const float* w_i;               /* [B, d] inference matrix */
  const float* p;                 /* [d, d] w_base w_i */
  const float* r;                 /* [d, d] any R with R^T R = w_base w_base^T: ||z R^T|| = ||z w_base|| */
  const float* q0;                /* [h + 1, h + 1] [w2; b2] [w2; b2]^T */
  const float* step_sizes;        /* [T, DESIRE_EDGE_STEP_COLUMNS] for the loss's sum over labels */
  const float* threshold_weights; /* [DESIRE_EDGE_THRESHOLD_WEIGHTS] */
} desire_edge_model_f32;

/* The same for the projection in double. */
typedef struct desire_edge_model_f64 {
  const double* w1;
  const double* b1;
  const double* w2;
  const double* b2;
  double gamma1;
  double gamma2;
  const double* w_base;
  const double* w_i;
} desire_edge_model_f64;

/*
 * The l2-normalised projection, Eq. (1). In double its sums are taken in double, in float in float.
 * Reads S, N, d, h, B and the model's w1, b1, w2, b2, gamma1, gamma2, w_base, w_i.
 *   w_novel [d, N], z [S, d]: inputs;
 *   logits [S, N]: output.
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
 * Handles: what does not change from task to task, prepared once.
 *
 * A model handle holds a copy of a model, packed for this CPU's instruction set. A labels handle holds what
 * depends on the label set alone. Both are constant once made: any number of threads may use them at once.
 * Destroy each once, when no call uses it; labels before their model. Destroying NULL does nothing.
 */
typedef struct desire_edge_model desire_edge_model;
typedef struct desire_edge_labels desire_edge_labels;

/* The kernels (avx512, avx2, baseline) that this CPU runs, by name, the fastest first: a static string, NULL
 * past the last. A model takes the fastest, or those that the environment variable DESIRE_EDGE_KERNELS
 * names. */
DESIRE_EDGE_API const char* desire_edge_kernels(size_t index);

/*
 * Packs a model.
 * Reads d, h and the arrays' w1, b1, w2, b2, gamma1, gamma2, q0, and p and r; or, where p and r are NULL, B
 * and w_i: that is a model which uses known labels, the base labels that an example is known to carry. That
 * p, r and q0 belong to the model is the caller's word: it is not checked.
 * Where threshold_weights is not NULL, also T, step_sizes and, of a model that uses known labels, w_base:
 * what desire_edge_learn needs.
 *   model: output, the handle; NULL after any status but DESIRE_EDGE_OK.
 */
DESIRE_EDGE_API desire_edge_status desire_edge_model_create(const desire_edge_sizes* sizes,
                                                            const desire_edge_model_f32* arrays,
                                                            desire_edge_model** model, char* error,
                                                            size_t error_capacity);
DESIRE_EDGE_API void desire_edge_model_destroy(desire_edge_model* model);

/* Sizes of a model with the head `prior`. */
typedef struct desire_edge_prior_sizes {
  int64_t dimension;         /* d >= 1, of the features z */
  int64_t name_dimension;    /* d_w >= 1, of the labels' names */
  int64_t scores;            /* k >= 1, of base labels: B, or d of combinations that say as much */
  int32_t uses_known_labels; /* not 0: k is B, and examples may be told base labels that they carry */
} desire_edge_prior_sizes;

/* A model with the head `prior`, as trained. */
typedef struct desire_edge_prior_f32 {
  const float* name_mean;         /* [d_w] of the base labels' names */
  const float* name_map;          /* [d, d_w] from names to features; NULL for the identity, where d = d_w */
  const float* r;                 /* [d, k] classifiers of the base labels */
  const float* inference;         /* [k, d_w] */
  const float* scalars;           /* [DESIRE_EDGE_PRIOR_SCALARS], see desire_edge_prior_create */
  const float* threshold_weights; /* [DESIRE_EDGE_THRESHOLD_WEIGHTS] */
} desire_edge_prior_f32;

/*
 * Packs a model with the head `prior`, which of all functions desire_edge_learn and desire_edge_held_out_loss
 * take. Before examples its logits are
 *     names (z name_map w) + base (u inference w) + bias,   w = unit(unit(w_novel) - name_mean),
 * with u = unit(z r), or unit(known labels) for an example that has any, and unit(a) = a / ||a||. Examples add
 *     examples (z z'^T) alpha + neighbours (u u'^T) alpha + bias_variance sum(alpha),
 * alpha of least weighted cross-entropy plus its norm under that kernel; all is then scaled and shifted.
 * `scalars`: of names, base, examples, neighbours and temperature each the logarithm and its slopes in
 * ln(known targets a label / 25) and ln(N / 5); the logarithm of bias_variance; the bias and its slope in ln N;
 * the shift and its slope in ln(N / 5); how far positive and negative targets are balanced.
 *   model: output, the handle; NULL after any status but DESIRE_EDGE_OK.
 */
DESIRE_EDGE_API desire_edge_status desire_edge_prior_create(const desire_edge_prior_sizes* sizes,
                                                            const desire_edge_prior_f32* arrays,
                                                            desire_edge_model** model, char* error,
                                                            size_t error_capacity);

/* What there is to learn. */
typedef struct desire_edge_learn_input {
  int64_t examples;     /* S >= 0 */
  int64_t labels;       /* N >= 1 */
  int64_t ways;         /* >= N, columns of what a graph has room for: those past N become 0 */
  const float* z;       /* [S, d] features of the examples */
  const float* targets; /* [S, N] in [0, 1] */
  const float* mask;    /* [S, N] in [0, 1]: 1 a known target, 0 an unknown one */
  const float* w_novel; /* [d, N] word vectors of the labels, one a column; [d_w, N] for the head `prior` */
  const float* known_labels; /* [S, B] 1 for a base label that the user says an example carries, else 0; a row
                              * of zeros, or NULL, where nothing is said. NULL for a model without them */
} desire_edge_learn_input;

/* What the graph head.onnx reads beside z, and what is said of the labels. The caller gives the arrays; the
 * call fills them and sets the rest. With h~ = relu(z w1 + b1), whose last element is 1,
 *     logits = h~ v / sqrt(h~ q h~^T)  +  z m / ||z R^T||,
 * or, in a model that uses known labels, u m for the second term: u is an example's known labels, or z w_base
 * where it has none, over its norm. With the head `prior`
 *     logits = z l + u m + b,
 * u its scores of base labels; the arrays that only the other head has may be NULL, as l and b for that one. */
typedef struct desire_edge_learned {
  float* w1;     /* [d, h + 1] */
  float* b1;     /* [h + 1] */
  float* v;      /* [h + 1, ways] */
  float* q;      /* [h + 1, h + 1] */
  float* l;      /* [d, ways] of the head `prior` */
  float* m;      /* [d, ways], or [B, ways] in a model that uses known labels; [k, ways] of `prior` */
  float* b;      /* [ways] of the head `prior` */
  float* alpha;  /* [S, N] of the head `prior`, by how much each example counts; NULL if not wanted */
  float* used;   /* [ways] 1 for a label, 0 for a column without one */
  float* losses; /* [T + 1] the loss before each step kept and after the last; past those 0. `prior`: [2] */
  float* logits; /* [S, N] of the examples */
  double* thresholds; /* [N] the probability from which a label is said to hold, see desire_edge_thresholds */
  int64_t steps;      /* steps kept, at most T */
  float conditioning; /* the larger of that before the first step and after the last; 0 of `prior` */
} desire_edge_learned;

/*
 * Teaches a model labels. With the head `prior`, as desire_edge_prior_create says, in one block of memory of about
 * 16 S^2 + 100 S N + 4 (S + 3 N) (d + k) bytes, freed again; `steps` is 1, or 0 and all losses 0 where nothing is
 * known. With any other, by plain SGD steps on the examples' loss, folded into the weights of head.onnx.
 * - The loss is a mean over known targets, but step_sizes are for its sum over labels: each is multiplied by
 *   the number of labels that have a known target. Where none has, no step is taken, and labels go by their
 *   word vectors alone.
 * - Steps past the lowest loss are not kept: they have overshot.
 * - Where the result would not be finite, half as many steps are tried, until it is.
 * - Beyond DESIRE_EDGE_MAX_CONDITIONING the steps kept are taken again in double.
 */
DESIRE_EDGE_API desire_edge_status desire_edge_learn(const desire_edge_model* model,
                                                     const desire_edge_learn_input* input,
                                                     desire_edge_learned* learned, char* error,
                                                     size_t error_capacity);

/*
 * Whether examples help a model with the head `prior`, any other is refused: the mean cross-entropy of their known
 * targets, each predicted by others, in five lessons; to be compared with learned.losses[0], by name alone.
 *   loss: output, -1 where labels have on average fewer than four examples that carry them, or S^2 N is over 2e7.
 */
DESIRE_EDGE_API desire_edge_status desire_edge_held_out_loss(const desire_edge_model* model,
                                                             const desire_edge_learn_input* input,
                                                             double* loss, char* error,
                                                             size_t error_capacity);

/*
 * Decision thresholds: the probability from which each label is said to hold, a linear function (in log odds)
 * of its support whose weights come with the model: of 1; and, where its target is known for an example, of 1
 * again, the log odds of a positive target (one of each kind added), and the mean and standard deviation of
 * its logits.
 *   logits, targets, mask [examples, labels]: inputs, as desire_edge_adapt returns and reads them, the mask
 *   in [0, 1];
 *   weights [DESIRE_EDGE_THRESHOLD_WEIGHTS]: input;
 *   thresholds [labels]: output, kept 1e-6 away from 0 and from 1.
 */
DESIRE_EDGE_API desire_edge_status desire_edge_thresholds(int64_t examples, int64_t labels,
                                                          const float* logits, const float* targets,
                                                          const float* mask, const float* weights,
                                                          double* thresholds, char* error,
                                                          size_t error_capacity);

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
  DESIRE_EDGE_FORM_PAIRS = 1,  /* nothing: q is made from all steps' changes at the end; for few examples */
  DESIRE_EDGE_FORM_GRAM = 2,   /* q */
  DESIRE_EDGE_FORM_WEIGHTS = 3 /* w2 and b2, as plain SGD does: very many examples, or a bad conditioning */
} desire_edge_form;

typedef struct desire_edge_adapt_options {
  desire_edge_form form;
  int32_t keep_lowest; /* not 0: the head is that of the step with the lowest loss, the last of several, and
                        * steps after one whose loss is not finite are not taken: their losses are infinite */
} desire_edge_adapt_options;

/* The support set, and how far each step goes. */
typedef struct desire_edge_support {
  int64_t examples;        /* S >= 0 */
  int64_t steps;           /* T >= 0 */
  const float* z;          /* [S, d] features */
  const float* targets;    /* [S, N] in [0, 1] */
  const float* mask;       /* [S, N] weights >= 0: 1 a known target, 0 an unknown one */
  const float* step_sizes; /* [T, DESIRE_EDGE_STEP_COLUMNS] */
  const float* scores;     /* [S, B] what is to stand for z w_base / ||z w_base||: known labels over their
                            * norm, not as they are told. Read for a model that uses them alone */
} desire_edge_support;

/* The folded head of one label set: with h~ = [relu(z w1 + b1), 1],
 *     logits = gamma1 h~ v / sqrt(h~ q h~^T + 1e-12)  +  gamma2 z m / ||z R^T||,
 * or, for scores u [S, B] that the caller has, with gamma2 u m as the second term and m of B rows. */
typedef struct desire_edge_head {
  float* w1; /* [d, h] */
  float* b1; /* [h] */
  float* v;  /* [h + 1, N] [w2; b2] w_novel */
  float* q;  /* [h + 1, h + 1] [w2; b2] [w2; b2]^T */
  float* m;  /* [d, N] w_base w_i w_novel, or [B, N] w_i w_novel */
  float gamma1;
  float gamma2;
} desire_edge_head;

/* The result. The caller gives the arrays of head and losses, and logits or NULL; the call fills them and
 * sets the rest. */
typedef struct desire_edge_adapted {
  desire_edge_head head;
  float* losses;         /* [T + 1] the loss before each step and after the last */
  float* logits;         /* [S, N] what the head says of the support examples; NULL if not wanted */
  int64_t steps;         /* steps that the head has taken: T, or fewer with keep_lowest */
  float conditioning[2]; /* before adaptation and of the head, see DESIRE_EDGE_MAX_CONDITIONING */
} desire_edge_adapted;

/* Bytes of workspace with which desire_edge_adapt can adapt to any task of at most that many examples, labels
 * and steps, in the form AUTO, or in that `form` alone; 0 if a size is out of bounds or model is NULL. */
DESIRE_EDGE_API size_t desire_edge_adapt_workspace(const desire_edge_model* model, int64_t examples,
                                                   int64_t labels, int64_t steps, desire_edge_form form);

/*
 * Adaptation: T plain SGD steps on the support set's loss,
 *     sum(mask * BCEWithLogits(logits, targets)) / sum(mask),
 * which is 0 without a gradient where the mask sums to 0, over w1, b1, w2, b2, w_i, gamma1 and gamma2,
 * straight to the folded head: exact up to rounding, at a cost that does not depend on B, and without an
 * allocation. The norm of W_Z(z) is taken from q, which squares a cancellation: the result is good to 1e-5
 * while the conditioning stays below about 10 and d is 4 or more.
 *   options: NULL for AUTO, and all steps;
 *   workspace: of workspace_bytes, of any alignment; unspecified values before and after.
 */
DESIRE_EDGE_API desire_edge_status desire_edge_adapt(
    const desire_edge_model* model, const desire_edge_labels* labels, const desire_edge_support* support,
    const desire_edge_adapt_options* options, void* workspace, size_t workspace_bytes,
    desire_edge_adapted* adapted, char* error, size_t error_capacity);

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
