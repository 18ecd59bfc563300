#include "kernel_tests.h"

using namespace test;

namespace {

struct Case {
  int32_t dtype;
  int64_t columns, depth, offset;
  bool indexed, masked, scaled;
};

constexpr int64_t kFirst = 2;

// Both kernels pack `places` rows of the source from kFirst on: as the columns of the product or as its steps
// of k.
struct Source {
  Source(const Case& c, int64_t places, int64_t elements)
      : random(places * 31 + elements),
        rows(c.dtype, places + kFirst, elements, 3, c.offset),
        index(places + kFirst),
        mask(places + kFirst),
        scale(places + kFirst) {
    rows.fill(random);
    for (int64_t i = 0; i < places + kFirst; ++i) {
      index[i] = int32_t(c.indexed ? random.below(places + kFirst) : i);
      mask[i] = uint8_t(c.masked ? random.below(3) : 0);
      scale[i] = c.scaled ? random.number() : 1;
    }
    // Padding may hold anything, and none of it may reach a product.
    for (int64_t i = kFirst; i < places + kFirst; ++i) {
      if (mask[i] == 2 && !c.indexed && elements > 0) rows.set(i, elements - 1, NAN);
    }
  }
  float packed(int64_t place, int64_t element) const {
    if (mask[kFirst + place] == 2) return 0;
    return float(rows.at(index[kFirst + place], element)) * scale[kFirst + place];
  }

  Random random;
  Matrix rows;
  Buffer<int32_t> index;
  Buffer<uint8_t> mask;
  Buffer<float> scale;
};

void compare(const tsv::Kernels& table, const Case& c, bool keys) {
  const int64_t packed_columns = whole_vectors(table, c.columns);
  const Source source = keys ? Source(c, c.columns, c.depth) : Source(c, c.depth, c.columns);
  Buffer<float> panels(packed_columns * c.depth);
  at("%s type %d, %d columns, depth %d, offset %d%s%s%s", keys ? "pack_key_panels" : "pack_value_panels",
     c.dtype, int(c.columns), int(c.depth), int(c.offset), c.indexed ? ", indexed" : "",
     c.masked ? ", masked" : "", c.scaled ? ", scaled" : "");
  const tsv::PackPanels arguments = {source.rows.rows(),
                                     c.indexed ? source.index.data() : nullptr,
                                     c.masked ? source.mask.data() : nullptr,
                                     c.scaled ? source.scale.data() : nullptr,
                                     kFirst,
                                     c.columns,
                                     c.depth,
                                     panels.data()};
  (keys ? table.pack_key_panels : table.pack_value_panels)(arguments);
  for (int64_t column = 0; column < packed_columns; ++column) {
    for (int64_t k = 0; k < c.depth; ++k) {
      const float expected = column >= c.columns ? 0
                             : keys              ? source.packed(column, k)
                                                 : source.packed(k, column);
      const float got = panels[place_in_panels(table, c.columns, c.depth, k, column)];
      CHECK_THAT(got == expected, "column %d, k %d: got %g, expected %g", int(column), int(k), double(got),
                 double(expected));
    }
  }
}

void compare_all(const tsv::Kernels& table, bool keys) {
  for (int32_t dtype : kFloatTypes) {
    for (int64_t columns : lengths_around(table)) {
      for (int64_t depth : {int64_t(1), int64_t(table.shape.lanes), int64_t(table.shape.lanes + 3)}) {
        compare(table, {dtype, columns, depth, columns % 3, false, false, false}, keys);
        compare(table, {dtype, columns, depth, 1, true, false, keys}, keys);
        compare(table, {dtype, columns, depth, 0, false, true, keys}, keys);
        compare(table, {dtype, columns, depth, 0, true, true, false}, keys);
      }
    }
  }
}

}  // namespace

KERNEL_TEST(pack_key_panels) { compare_all(table, true); }
KERNEL_TEST(pack_value_panels) { compare_all(table, false); }
