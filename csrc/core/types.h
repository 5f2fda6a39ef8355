// The C ABI's structs, chosen by element type.
#pragma once

#include "desire_edge.h"

namespace desire_edge {

template <class T>
struct Abi;

template <>
struct Abi<float> {
  using Model = desire_edge_model_f32;
  using Task = desire_edge_task_f32;
  using Weights = desire_edge_weights_f32;
  using Head = desire_edge_head_f32;
};

template <>
struct Abi<double> {
  using Model = desire_edge_model_f64;
  using Task = desire_edge_task_f64;
  using Weights = desire_edge_weights_f64;
  using Head = desire_edge_head_f64;
};

template <class T>
using Model = typename Abi<T>::Model;
template <class T>
using Task = typename Abi<T>::Task;
template <class T>
using Weights = typename Abi<T>::Weights;
template <class T>
using Head = typename Abi<T>::Head;

using Sizes = desire_edge_sizes;

}  // namespace desire_edge
