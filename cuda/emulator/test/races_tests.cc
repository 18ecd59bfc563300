// Which accesses race, told from who did what before.
#include "emulator_tests.h"
#include "races.h"

using namespace test;
using namespace tsv_sim;

namespace {

constexpr Touch kTouches[] = {Touch::kRead, Touch::kWrite, Touch::kAtomic};

bool may_meet(Touch first, Touch second) { return first == second && first != Touch::kWrite; }

}  // namespace

EMULATOR_TEST(global_races) {
  for (Touch first : kTouches) {
    for (Touch second : kTouches) {
      where = text("touch %d, then %d", int(first), int(second));
      GlobalHistory history(4096);
      Race race;
      CHECK(history.record(1, 0, first, 1020, 8, &race));   // in two pages
      CHECK(history.record(1, 0, second, 1020, 8, &race));  // a block may follow itself
      CHECK(history.record(1, 1, second, 1028, 4, &race));  // another word
      CHECK(history.record(2, 1, second, 1020, 8, &race));  // another launch

      GlobalHistory fresh(4096);
      CHECK(fresh.record(1, 0, first, 1024, 4, &race));
      const bool fine = fresh.record(1, 5, second, 1022, 4, &race);
      CHECK(fine == may_meet(first, second));
      if (!fine) CHECK(race.offset == 1024 && race.other == 0 && race.touch == first);
    }
  }
  where = "bytes of one word";
  GlobalHistory history(100);
  Race race;
  CHECK(history.record(1, 0, Touch::kWrite, 0, 2, &race));
  CHECK(history.record(1, 1, Touch::kWrite, 2, 2, &race));
  CHECK(!history.record(1, 2, Touch::kRead, 3, 1, &race));
  CHECK(race.offset == 3 && race.other == 1);
  CHECK(history.record(1, 3, Touch::kRead, 99, 1, &race));

  where = "several";
  GlobalHistory many(64);
  for (uint32_t block : {0u, 1u, 2u}) {
    CHECK(many.record(1, block, Touch::kAtomic, 0, 4, &race));
    CHECK(many.record(1, block, Touch::kRead, 8, 4, &race));
  }
  CHECK(!many.record(1, 0, Touch::kRead, 0, 4, &race) && race.other == -1);
  CHECK(!many.record(1, 0, Touch::kWrite, 8, 4, &race) && race.other == -1);
}

EMULATOR_TEST(shared_races) {
  Race race;
  for (Touch first : kTouches) {
    for (Touch second : kTouches) {
      where = text("touch %d, then %d", int(first), int(second));
      SharedHistory history(256, 4);
      history.begin_block();
      CHECK(history.record(0, first, 16, 8, &race));
      CHECK(history.record(0, second, 16, 8, &race));
      CHECK(history.record(1, second, 24, 4, &race));
      history.barrier(0xf, 0xf);
      CHECK(history.record(1, second, 16, 8, &race));  // ordered by the barrier
      history.begin_block();
      CHECK(history.record(2, first, 20, 4, &race));  // another block
      const bool fine = history.record(3, second, 16, 8, &race);
      CHECK(fine == may_meet(first, second));
      if (!fine) CHECK(race.offset == 20 && race.other == 2 && race.touch == first);
    }
  }
}

EMULATOR_TEST(shared_races_with_parts_of_a_block) {
  Race race;
  SharedHistory history(64, 4);
  history.begin_block();
  CHECK(history.record(0, Touch::kWrite, 0, 4, &race));
  history.barrier(0b0011, 0b0011);  // warps 0 and 1 alone
  CHECK(history.record(1, Touch::kRead, 0, 4, &race));
  CHECK(!history.record(2, Touch::kRead, 0, 4, &race) && race.other == 0);
  history.barrier(0b0110, 0b0100);  // warp 1 arrives, warp 2 waits: it comes after warp 0 by way of warp 1
  CHECK(history.record(2, Touch::kWrite, 0, 4, &race));
  CHECK(!history.record(1, Touch::kRead, 0, 4, &race) && race.other == 2);

  where = "a warp that has exited";
  SharedHistory exited(64, 2);
  exited.begin_block();
  CHECK(exited.record(0, Touch::kWrite, 0, 4, &race));
  exited.exit(0);
  exited.barrier(0b10, 0b10);
  CHECK(exited.record(1, Touch::kRead, 0, 4, &race));

  where = "bytes of one word";
  SharedHistory bytes(64, 2);
  bytes.begin_block();
  CHECK(bytes.record(0, Touch::kWrite, 0, 4, &race));
  bytes.barrier(0b11, 0b11);
  CHECK(bytes.record(0, Touch::kWrite, 0, 2, &race));
  CHECK(bytes.record(1, Touch::kWrite, 2, 2, &race));
  CHECK(!bytes.record(1, Touch::kRead, 1, 1, &race) && race.offset == 1);

  where = "a plain write among atomics";
  SharedHistory counter(64, 2);
  counter.begin_block();
  CHECK(counter.record(0, Touch::kWrite, 0, 4, &race));
  CHECK(counter.record(0, Touch::kAtomic, 0, 4, &race));
  CHECK(!counter.record(1, Touch::kAtomic, 0, 4, &race) && race.touch == Touch::kWrite);
  counter.begin_block();
  CHECK(counter.record(0, Touch::kAtomic, 0, 4, &race) && counter.record(1, Touch::kAtomic, 0, 4, &race));
  CHECK(!counter.record(1, Touch::kRead, 0, 4, &race) && race.other == -1);
}

EMULATOR_TEST(shared_races_of_lanes) {
  Race race;
  SharedHistory history(64, 2);
  history.begin_block();
  CHECK(!history.wrote_since_meeting(0, 0, 64));
  CHECK(history.record(0, Touch::kWrite, 8, 8, &race));
  history.set_lane(8, 4, 5);
  history.set_lane(12, 4, 6);
  CHECK(history.wrote_since_meeting(0, 0, 64) && !history.wrote_since_meeting(1, 0, 64));
  CHECK(history.wrote_cell_since_meeting(0, 13) && !history.wrote_cell_since_meeting(0, 16));
  CHECK(history.lane_that_wrote(11) == 5 && history.lane_that_wrote(12) == 6);
  history.meet(0);
  CHECK(!history.wrote_since_meeting(0, 0, 64));
  CHECK(!history.record(1, Touch::kRead, 8, 4, &race));  // a meeting is no barrier
  for (int i = 0; i < 5; ++i) history.meet(1);           // clocks of warps go apart
  CHECK(history.record(0, Touch::kRead, 32, 4, &race) && history.record(1, Touch::kRead, 32, 4, &race));
  history.barrier(0b11, 0b11);
  CHECK(history.record(0, Touch::kWrite, 32, 4, &race));
  history.barrier(0b11, 0b11);
  CHECK(history.record(1, Touch::kRead, 32, 4, &race) && history.record(1, Touch::kRead, 9, 1, &race));

  where = "clocks that come to their end";
  for (int i = 0; i < 1 << 25; ++i) history.meet(0);
  CHECK(history.record(0, Touch::kWrite, 16, 4, &race) && !history.wrote_since_meeting(0, 16, 4));
  CHECK(!history.record(1, Touch::kRead, 16, 4, &race));
  history.barrier(0b11, 0b11);
  CHECK(history.record(1, Touch::kWrite, 16, 4, &race) && history.wrote_since_meeting(1, 16, 4));
  CHECK(!history.record(0, Touch::kWrite, 16, 4, &race));
}
