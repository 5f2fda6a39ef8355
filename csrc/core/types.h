// Structs by element type: the C ABI's own, and what only the core has of them.
#pragma once

#include "desire_edge.h"

namespace desire_edge {

template <class T>
struct Abi;

template <>
struct Abi<float> {
  using Model = desire_edge_model_f32;
  using LowrankModel = desire_edge_model_f32;
  using Head = desire_edge_head;
};

template <>
struct Abi<double> {
  using Model = desire_edge_model_f64;
  struct LowrankModel : Model {
    const double *p, *r, *q0;
  };
  struct Head {
    double *w1, *b1, *v, *q, *m;
    double gamma1, gamma2;
  };
};

template <class T>
using Model = typename Abi<T>::Model;
// What the low-rank form reads: p, r and q0 in place of w_base and w_i; where p and r are NULL, w_i and q0.
template <class T>
using LowrankModel = typename Abi<T>::LowrankModel;
template <class T>
using Head = typename Abi<T>::Head;

using Sizes = desire_edge_sizes;

// What there is to learn: the support set, the labels' word vectors, and how far each step goes.
template <class T>
struct Task {
  const T* z;           // [S, d]
  const T* targets;     // [S, N] in [0, 1]
  const T* mask;        // [S, N] weights >= 0: 1 a known target, 0 an unknown one
  const T* w_novel;     // [d, N]
  const T* step_sizes;  // [T, DESIRE_EDGE_STEP_COLUMNS]
  const T* scores;      // [S, B] what is to stand for z w_base / ||z w_base||, for a model without p and r
};

// Adapted weights in the model's own form.
template <class T>
struct Weights {
  T* w1;   // [d, h]
  T* b1;   // [h]
  T* w2;   // [h, d]
  T* b2;   // [d]
  T* w_i;  // [B, d]
  T gamma1, gamma2;
};

}  // namespace desire_edge
