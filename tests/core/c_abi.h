/* What the C tests share: a small problem, and what autograd in float64 (tests/core/reference.py) makes of
 * it. */
#ifndef DESIRE_EDGE_TESTS_C_ABI_H
#define DESIRE_EDGE_TESTS_C_ABI_H

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
#define MOST_STEPS 4

/* The problem. W_base is the identity: then r is it too, and p is w_i. */
extern const desire_edge_sizes sizes;
extern const double w1[DIMENSION * HIDDEN], b1[HIDDEN], w2[HIDDEN * DIMENSION], b2[DIMENSION];
extern const double identity[DIMENSION * DIMENSION], w_i[BASE_LABELS * DIMENSION];
extern const double z[EXAMPLES * DIMENSION], w_novel[DIMENSION * LABELS], targets[EXAMPLES * LABELS];
extern const double step_sizes[STEPS * DESIRE_EDGE_STEP_COLUMNS]; /* for the loss's mean */
#define GAMMA1 1.5
#define GAMMA2 0.5

/* What it becomes: the losses, w1, gamma1 and the logits of the examples after all steps. */
typedef struct expected_result {
  double losses[STEPS + 1], w1[DIMENSION * HIDDEN], gamma1, logits[EXAMPLES * LABELS];
} expected_result;
extern const expected_result adapted_by_autograd;

/* The model's arrays in float, as desire_edge_model_create takes them: with p and r, or with w_i. */
typedef struct float_model {
  float w1[DIMENSION * HIDDEN], b1[HIDDEN], w2[HIDDEN * DIMENSION], b2[DIMENSION];
  float identity[DIMENSION * DIMENSION], w_i[DIMENSION * DIMENSION], q0[(HIDDEN + 1) * (HIDDEN + 1)];
  float step_sizes[STEPS * DESIRE_EDGE_STEP_COLUMNS], threshold_weights[DESIRE_EDGE_THRESHOLD_WEIGHTS];
  desire_edge_model_f32 arrays;
} float_model;

/* Which of them it uses. */
enum { WITH_P_AND_R = 0, WITH_W_I = 1 };
void set_up_model(float_model* model, int with_w_i);
/* q0 of the w2 and b2 that the model has. */
void set_gram(float_model* model);
/* A handle of them, which outlives the arrays. */
desire_edge_model* model_handle(int with_w_i);

void to_float(const double* from, int count, float* to);
void expect(int condition, const char* what);
void expect_close(const float* found, const double* expected, int count, double most, const char* what);

/* Calls of malloc so far, the library's too; 0 where they cannot be counted. */
extern long allocations;

void test_handles(void);
void test_learning(void);
void test_prior(void);

#endif
