#include "abi/token_map.h"

#include <inttypes.h>
#include <stdio.h>

#include <algorithm>

namespace tsv {
namespace {

// All of a map lies in one place.
void check_place(Check& check, const MapView& map, const View& view, int32_t argument) {
  if (check.failed() || !view.present() || view.on_device == map.on_device()) return;
  check.fail(argument, TSV_E_DEVICE, view.on_device ? "a tensor on the device" : "a tensor on the CPU",
             "where %s is", tsv_argument_path(TSV_ARG_MAP_OUTPUT_LENGTHS));
}

}  // namespace

MapView read_map(Check& check, const tsv_token_map* map) {
  MapView view;
  if (map == nullptr) {
    check.fail(TSV_ARG_MAP, TSV_E_TYPE, "nothing", "a map");
    return view;
  }
  check.range(TSV_ARG_MAP, map->rows, 0, INT32_MAX);
  check.range(TSV_ARG_MAP, map->input_length, 0, INT32_MAX);
  view.output_lengths = check.input(map->output_lengths, TSV_ARG_MAP_OUTPUT_LENGTHS, kInt32, 1, 1);
  check.same(view.output_lengths, TSV_ARG_MAP_OUTPUT_LENGTHS, 0, map->rows, "the map has rows");
  check.elements(view.output_lengths, TSV_ARG_MAP_OUTPUT_LENGTHS, 0, INT32_MAX);
  if (check.failed()) return view;
  view.rows = map->rows;
  view.input_length = map->input_length;
  for (int64_t r = 0; r < view.rows && !view.on_device(); ++r) {
    view.slots += view.length(r);
    view.longest = std::max(view.longest, view.length(r));
  }
  return view;
}

void check_map_fits(Check& check, const MapView& map, int64_t rows, int64_t n) {
  if (check.failed() || (map.rows == rows && map.input_length == n)) return;
  char got[64];
  snprintf(got, sizeof got, "%" PRId64 " rows of %" PRId64, map.rows, map.input_length);
  check.fail(TSV_ARG_MAP, TSV_E_SHAPE, got, "over %" PRId64 " rows of %" PRId64 " tokens, as x", rows, n);
}

void read_slots(Check& check, const tsv_token_map* map, MapView* view) {
  if (check.failed()) return;
  view->offsets = check.input(map->offsets, TSV_ARG_MAP_OFFSETS, kInt32, 1, 1);
  check_place(check, *view, view->offsets, TSV_ARG_MAP_OFFSETS);
  if (view->on_device()) {
    check.that(view->offsets.dim[0] > 0, TSV_ARG_MAP_OFFSETS, TSV_E_SHAPE, "of room for one or more", 0);
    view->slots = view->offsets.dim[0] - 1;
  }
  check.same(view->offsets, TSV_ARG_MAP_OFFSETS, 0, view->slots + 1, "the map has slots, and one");
  view->members = check.input(map->members, TSV_ARG_MAP_MEMBERS, kInt32, 1, 1);
  view->weights = check.optional(map->weights, TSV_ARG_MAP_WEIGHTS, kFloat32, 1, 1);
  if (view->weights.present()) {
    check.same(view->weights, TSV_ARG_MAP_WEIGHTS, 0, view->members.dim[0], "there are members");
  }
  check_place(check, *view, view->members, TSV_ARG_MAP_MEMBERS);
  check_place(check, *view, view->weights, TSV_ARG_MAP_WEIGHTS);
  if (check.failed() || view->on_device()) return;
  const int32_t* offsets = view->offsets.as<int32_t>();
  const int64_t members = view->members.dim[0];
  check.range(TSV_ARG_MAP_OFFSETS, offsets[0], 0, 0);
  for (int64_t s = 0; s < view->slots && !check.failed(); ++s) {
    check.range(TSV_ARG_MAP_OFFSETS, offsets[s + 1], int64_t(offsets[s]) + 1, members);
  }
  check.range(TSV_ARG_MAP_OFFSETS, offsets[view->slots], members, members);
  check.elements(view->members, TSV_ARG_MAP_MEMBERS, 0, view->input_length - 1);
}

void read_assignment(Check& check, const tsv_token_map* map, MapView* view) {
  if (check.failed()) return;
  view->assignment = check.input(map->assignment, TSV_ARG_MAP_ASSIGNMENT, kInt32, 1, 1);
  check.same(view->assignment, TSV_ARG_MAP_ASSIGNMENT, 0, view->rows * view->input_length,
             "the map has tokens");
  check_place(check, *view, view->assignment, TSV_ARG_MAP_ASSIGNMENT);
  for (int64_t r = 0; r < view->rows && !view->on_device() && !check.failed(); ++r) {
    const int32_t* owners = view->assignment.as<int32_t>() + r * view->input_length;
    const int64_t last = view->length(r) - 1;
    for (int64_t i = 0; i < view->input_length; ++i) {
      if (owners[i] < -1 || owners[i] > last) check.range(TSV_ARG_MAP_ASSIGNMENT, owners[i], -1, last);
    }
  }
}

TokenWeights read_token_weights(Check& check, const tsv_tensor* tensor, int64_t rows, int64_t n) {
  TokenWeights weights;
  weights.values = check.optional(tensor, TSV_ARG_WEIGHTS, kFloat32, 2, 2);
  if (!weights.values.present()) return weights;
  check.same(weights.values, TSV_ARG_WEIGHTS, 1, n, "there are tokens");
  const int64_t items = weights.values.dim[0];
  check.that(items == rows || (items > 0 && rows % items == 0), TSV_ARG_WEIGHTS, TSV_E_SHAPE,
             "of as many rows as the tokens, or of as many as their batch", double(items));
  if (!check.failed() && items > 0) weights.rows_an_item = rows / items;
  return weights;
}

}  // namespace tsv
