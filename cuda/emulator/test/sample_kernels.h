// Kernels that are right, as nvcc 13 compiles them, for tests to run and to break.
#ifndef TOKENSIEVE_EMULATOR_SAMPLE_KERNELS_H
#define TOKENSIEVE_EMULATOR_SAMPLE_KERNELS_H

namespace test {

constexpr const char* kPtxHeader = R"(.version 9.0
.target sm_80
.address_size 64
)";

// Each block reverses 128 floats through shared memory.
constexpr const char* kReverse = R"(.visible .entry reverse(
  .param .u64 reverse_param_0,
  .param .u64 reverse_param_1
)
.maxntid 128, 1, 1
{
  .reg .f32 %f<3>;
  .reg .b32 %r<12>;
  .reg .b64 %rd<8>;
  .shared .align 4 .b8 tile[512];
  ld.param.u64 %rd1, [reverse_param_0];
  ld.param.u64 %rd2, [reverse_param_1];
  cvta.to.global.u64 %rd3, %rd2;
  cvta.to.global.u64 %rd4, %rd1;
  mov.u32 %r1, %tid.x;
  mov.u32 %r2, %ctaid.x;
  shl.b32 %r3, %r2, 7;
  add.s32 %r4, %r3, %r1;
  mul.wide.s32 %rd5, %r4, 4;
  add.s64 %rd6, %rd4, %rd5;
  ld.global.f32 %f1, [%rd6];
  shl.b32 %r5, %r1, 2;
  mov.u32 %r6, tile;
  add.s32 %r7, %r6, %r5;
  st.shared.f32 [%r7], %f1;
  bar.sync 0;
  mov.u32 %r8, 127;
  sub.s32 %r9, %r8, %r1;
  shl.b32 %r10, %r9, 2;
  add.s32 %r11, %r6, %r10;
  ld.shared.f32 %f2, [%r11];
  add.s64 %rd7, %rd3, %rd5;
  st.global.f32 [%rd7], %f2;
  ret;
}
)";

// 16 bytes a thread.
constexpr const char* kCopy16 = R"(.visible .entry copy16(
  .param .u64 copy16_param_0,
  .param .u64 copy16_param_1
)
.maxntid 128, 1, 1
{
  .reg .b32 %r<13>;
  .reg .b64 %rd<8>;
  ld.param.u64 %rd1, [copy16_param_0];
  ld.param.u64 %rd2, [copy16_param_1];
  cvta.to.global.u64 %rd3, %rd2;
  cvta.to.global.u64 %rd4, %rd1;
  mov.u32 %r1, %ctaid.x;
  shl.b32 %r2, %r1, 7;
  mov.u32 %r3, %tid.x;
  add.s32 %r4, %r2, %r3;
  mul.wide.s32 %rd5, %r4, 16;
  add.s64 %rd6, %rd3, %rd5;
  add.s64 %rd7, %rd4, %rd5;
  ld.global.v4.u32 {%r5, %r6, %r7, %r8}, [%rd7];
  st.global.v4.u32 [%rd6], {%r5, %r6, %r7, %r8};
  ret;
}
)";

// Each block sums 128 floats.
constexpr const char* kBlockSum = R"(.visible .entry block_sum(
  .param .u64 block_sum_param_0,
  .param .u64 block_sum_param_1
)
.maxntid 128, 1, 1
{
  .reg .pred %p<8>;
  .reg .f32 %f<19>;
  .reg .b32 %r<27>;
  .reg .b64 %rd<9>;
  .shared .align 4 .b8 sums[16];
  ld.param.u64 %rd2, [block_sum_param_0];
  ld.param.u64 %rd1, [block_sum_param_1];
  cvta.to.global.u64 %rd3, %rd2;
  mov.u32 %r1, %ctaid.x;
  shl.b32 %r3, %r1, 7;
  mov.u32 %r2, %tid.x;
  add.s32 %r4, %r3, %r2;
  mul.wide.u32 %rd4, %r4, 4;
  add.s64 %rd5, %rd3, %rd4;
  ld.global.f32 %f2, [%rd5];
  mov.b32 %r5, %f2;
  mov.u32 %r6, 31;
  mov.u32 %r7, 16;
  mov.u32 %r8, -1;
  shfl.sync.bfly.b32 %r9|%p1, %r5, %r7, %r6, %r8;
  mov.b32 %f3, %r9;
  add.f32 %f4, %f2, %f3;
  mov.b32 %r10, %f4;
  mov.u32 %r11, 8;
  shfl.sync.bfly.b32 %r12|%p2, %r10, %r11, %r6, %r8;
  mov.b32 %f5, %r12;
  add.f32 %f6, %f4, %f5;
  mov.b32 %r13, %f6;
  mov.u32 %r14, 4;
  shfl.sync.bfly.b32 %r15|%p3, %r13, %r14, %r6, %r8;
  mov.b32 %f7, %r15;
  add.f32 %f8, %f6, %f7;
  mov.b32 %r16, %f8;
  mov.u32 %r17, 2;
  shfl.sync.bfly.b32 %r18|%p4, %r16, %r17, %r6, %r8;
  mov.b32 %f9, %r18;
  add.f32 %f10, %f8, %f9;
  mov.b32 %r19, %f10;
  mov.u32 %r20, 1;
  shfl.sync.bfly.b32 %r21|%p5, %r19, %r20, %r6, %r8;
  mov.b32 %f11, %r21;
  add.f32 %f1, %f10, %f11;
  and.b32 %r22, %r2, 31;
  setp.ne.s32 %p6, %r22, 0;
  @%p6 bra $L_2;
  shr.u32 %r23, %r2, 3;
  and.b32 %r24, %r23, 536870908;
  mov.u32 %r25, sums;
  add.s32 %r26, %r25, %r24;
  st.shared.f32 [%r26], %f1;
$L_2:
  bar.sync 0;
  setp.ne.s32 %p7, %r2, 0;
  @%p7 bra $L_4;
  ld.shared.f32 %f12, [sums];
  ld.shared.f32 %f13, [sums+4];
  add.f32 %f14, %f12, %f13;
  ld.shared.f32 %f15, [sums+8];
  add.f32 %f16, %f14, %f15;
  ld.shared.f32 %f17, [sums+12];
  add.f32 %f18, %f16, %f17;
  cvta.to.global.u64 %rd6, %rd1;
  mul.wide.u32 %rd7, %r1, 4;
  add.s64 %rd8, %rd6, %rd7;
  st.global.f32 [%rd8], %f18;
$L_4:
  ret;
}
)";

// Counts values by their low 4 bits, first in shared memory.
constexpr const char* kHistogram = R"(.visible .entry histogram(
  .param .u64 histogram_param_0,
  .param .u64 histogram_param_1
)
.maxntid 128, 1, 1
{
  .reg .pred %p<3>;
  .reg .b32 %r<17>;
  .reg .b64 %rd<9>;
  .shared .align 4 .b8 bins[64];
  ld.param.u64 %rd1, [histogram_param_0];
  ld.param.u64 %rd2, [histogram_param_1];
  mov.u32 %r1, %tid.x;
  setp.gt.u32 %p1, %r1, 15;
  shl.b32 %r3, %r1, 2;
  mov.u32 %r4, bins;
  add.s32 %r2, %r4, %r3;
  @%p1 bra $L_2;
  mov.u32 %r5, 0;
  st.shared.u32 [%r2], %r5;
$L_2:
  bar.sync 0;
  mov.u32 %r6, %ctaid.x;
  shl.b32 %r7, %r6, 7;
  add.s32 %r8, %r7, %r1;
  cvta.to.global.u64 %rd3, %rd1;
  mul.wide.u32 %rd4, %r8, 4;
  add.s64 %rd5, %rd3, %rd4;
  ld.global.u32 %r9, [%rd5];
  shl.b32 %r10, %r9, 2;
  and.b32 %r11, %r10, 60;
  add.s32 %r13, %r4, %r11;
  atom.shared.add.u32 %r14, [%r13], 1;
  bar.sync 0;
  @%p1 bra $L_4;
  cvta.to.global.u64 %rd6, %rd2;
  mul.wide.u32 %rd7, %r1, 4;
  add.s64 %rd8, %rd6, %rd7;
  ld.shared.u32 %r15, [%r2];
  atom.global.add.u32 %r16, [%rd8], %r15;
$L_4:
  ret;
}
)";

// Each block adds up rows of 512 floats, the next row arriving while one is read: thread t has columns t +
// 128 i.
constexpr const char* kStreamRows = R"(.visible .entry stream_rows(
  .param .u64 stream_rows_param_0,
  .param .u64 stream_rows_param_1,
  .param .u32 stream_rows_param_2
)
.maxntid 128, 1, 1
{
  .reg .pred %p<4>;
  .reg .f32 %f<15>;
  .reg .b32 %r<35>;
  .reg .b64 %rd<14>;
  .shared .align 16 .b8 tile[4096];
  ld.param.u64 %rd4, [stream_rows_param_0];
  ld.param.u64 %rd2, [stream_rows_param_1];
  ld.param.u32 %r8, [stream_rows_param_2];
  mov.u32 %r1, %ctaid.x;
  mul.lo.s32 %r11, %r1, %r8;
  shl.b32 %r12, %r11, 9;
  cvt.u64.u32 %rd5, %r12;
  mov.u32 %r2, %tid.x;
  shl.b32 %r3, %r2, 2;
  cvt.s64.s32 %rd6, %r3;
  add.s64 %rd7, %rd5, %rd6;
  shl.b64 %rd8, %rd7, 2;
  add.s64 %rd3, %rd4, %rd8;
  shl.b32 %r13, %r2, 4;
  mov.u32 %r14, tile;
  add.s32 %r9, %r14, %r13;
  mov.u32 %r10, 16;
  cp.async.cg.shared.global [%r9], [%rd3], 16, %r10;
  cp.async.commit_group;
  setp.lt.s32 %p1, %r8, 1;
  mov.f32 %f14, 0f00000000;
  @%p1 bra $L_5;
  mov.f32 %f14, 0f00000000;
  mov.u32 %r34, 512;
  mov.u32 %r33, 1;
$L_2:
  .pragma "nounroll";
  setp.ge.s32 %p2, %r33, %r8;
  @%p2 bra $L_4;
  mul.wide.s32 %rd10, %r34, 4;
  add.s64 %rd9, %rd3, %rd10;
  shl.b32 %r19, %r33, 11;
  and.b32 %r20, %r19, 2048;
  add.s32 %r22, %r14, %r20;
  shl.b32 %r23, %r3, 2;
  add.s32 %r17, %r22, %r23;
  mov.u32 %r18, 16;
  cp.async.cg.shared.global [%r17], [%rd9], 16, %r18;
$L_4:
  setp.lt.s32 %p3, %r33, %r8;
  cp.async.commit_group;
  cp.async.wait_group 1;
  bar.sync 0;
  shl.b32 %r24, %r33, 11;
  add.s32 %r25, %r24, -2048;
  and.b32 %r26, %r25, 2048;
  add.s32 %r28, %r14, %r26;
  add.s32 %r30, %r28, %r3;
  ld.shared.f32 %f6, [%r30];
  add.f32 %f7, %f14, %f6;
  ld.shared.f32 %f8, [%r30+512];
  add.f32 %f9, %f7, %f8;
  ld.shared.f32 %f10, [%r30+1024];
  add.f32 %f11, %f9, %f10;
  ld.shared.f32 %f12, [%r30+1536];
  add.f32 %f14, %f11, %f12;
  bar.sync 0;
  add.s32 %r34, %r34, 512;
  add.s32 %r33, %r33, 1;
  @%p3 bra $L_2;
$L_5:
  shl.b32 %r31, %r1, 7;
  add.s32 %r32, %r31, %r2;
  cvta.to.global.u64 %rd11, %rd2;
  mul.wide.u32 %rd12, %r32, 4;
  add.s64 %rd13, %rd11, %rd12;
  st.global.f32 [%rd13], %f14;
  ret;
}
)";

// A [16, 16] times B [8, 16] transposed, bf16, by way of ldmatrix.
constexpr const char* kTileProduct = R"(.visible .entry tile_product(
  .param .u64 tile_product_param_0,
  .param .u64 tile_product_param_1,
  .param .u64 tile_product_param_2
)
.maxntid 32, 1, 1
{
  .reg .pred %p<2>;
  .reg .f32 %f<9>;
  .reg .b32 %r<52>;
  .reg .b64 %rd<14>;
  .shared .align 16 .b8 ta[512];
  .shared .align 16 .b8 tb[256];
  ld.param.u64 %rd4, [tile_product_param_0];
  ld.param.u64 %rd2, [tile_product_param_1];
  ld.param.u64 %rd3, [tile_product_param_2];
  mov.u32 %r1, %tid.x;
  shl.b32 %r2, %r1, 4;
  mov.u32 %r3, ta;
  add.s32 %r4, %r3, %r2;
  cvt.s64.s32 %rd1, %r1;
  cvta.to.global.u64 %rd5, %rd4;
  mul.wide.s32 %rd6, %r1, 16;
  add.s64 %rd7, %rd5, %rd6;
  ld.global.v4.u32 {%r5, %r6, %r7, %r8}, [%rd7];
  st.shared.v4.u32 [%r4], {%r5, %r6, %r7, %r8};
  setp.gt.s32 %p1, %r1, 15;
  @%p1 bra $L_2;
  cvt.u32.u64 %r13, %rd1;
  shl.b32 %r14, %r13, 4;
  mov.u32 %r15, tb;
  add.s32 %r16, %r15, %r14;
  cvta.to.global.u64 %rd8, %rd2;
  shl.b64 %rd9, %rd1, 4;
  add.s64 %rd10, %rd8, %rd9;
  ld.global.v4.u32 {%r17, %r18, %r19, %r20}, [%rd10];
  st.shared.v4.u32 [%r16], {%r17, %r18, %r19, %r20};
$L_2:
  bar.sync 0;
  cvt.u32.u64 %r39, %rd1;
  shl.b32 %r40, %r39, 1;
  and.b32 %r41, %r40, 30;
  shr.u32 %r42, %r39, 4;
  add.s32 %r43, %r41, %r42;
  shl.b32 %r44, %r43, 4;
  add.s32 %r29, %r3, %r44;
  and.b32 %r46, %r39, 7;
  shr.u32 %r47, %r39, 3;
  and.b32 %r48, %r47, 1;
  bfi.b32 %r49, %r46, %r48, 1, 3;
  shl.b32 %r50, %r49, 4;
  mov.u32 %r51, tb;
  add.s32 %r32, %r51, %r50;
  ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r25,%r26,%r27,%r28}, [%r29];
  ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%r30,%r31}, [%r32];
  mov.f32 %f1, 0f00000000;
  cvta.to.global.u64 %rd11, %rd3;
  mul.wide.s32 %rd12, %r39, 8;
  add.s64 %rd13, %rd11, %rd12;
  mov.f32 %f2, %f1;
  mov.f32 %f3, %f1;
  mov.f32 %f4, %f1;
  mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f1,%f2,%f3,%f4}, {%r25,%r26,%r27,%r28}, {%r30,%r31}, {%f1,%f2,%f3,%f4};
  st.global.v2.f32 [%rd13], {%f1, %f2};
  st.global.v2.f32 [%rd13+256], {%f3, %f4};
  ret;
}
)";

// Each lane gets the value of the next lane of its warp.
constexpr const char* kWarpShift = R"(.visible .entry warp_shift(
  .param .u64 warp_shift_param_0,
  .param .u64 warp_shift_param_1
)
.maxntid 64, 1, 1
{
  .reg .f32 %f<3>;
  .reg .b32 %r<11>;
  .reg .b64 %rd<8>;
  .shared .align 4 .b8 tile[256];
  ld.param.u64 %rd1, [warp_shift_param_0];
  ld.param.u64 %rd2, [warp_shift_param_1];
  cvta.to.global.u64 %rd3, %rd2;
  cvta.to.global.u64 %rd4, %rd1;
  mov.u32 %r1, %tid.x;
  and.b32 %r2, %r1, 1073741792;
  mul.wide.s32 %rd5, %r1, 4;
  add.s64 %rd6, %rd4, %rd5;
  ld.global.f32 %f1, [%rd6];
  shl.b32 %r3, %r1, 2;
  mov.u32 %r4, tile;
  add.s32 %r5, %r4, %r3;
  st.shared.f32 [%r5], %f1;
  bar.warp.sync -1;
  add.s32 %r6, %r1, 1;
  and.b32 %r7, %r6, 31;
  or.b32 %r8, %r7, %r2;
  shl.b32 %r9, %r8, 2;
  add.s32 %r10, %r4, %r9;
  ld.shared.f32 %f2, [%r10];
  add.s64 %rd7, %rd3, %rd5;
  st.global.f32 [%rd7], %f2;
  ret;
}
)";

// Indexes an array of 8 that a thread keeps in local memory.
constexpr const char* kLocalLookup = R"(.visible .entry local_lookup(
  .param .u64 local_lookup_param_0,
  .param .u64 local_lookup_param_1,
  .param .u32 local_lookup_param_2
)
.maxntid 32, 1, 1
{
  .local .align 16 .b8 __local_depot[32];
  .reg .b64 %SP;
  .reg .b64 %SPL;
  .reg .b32 %r<14>;
  .reg .b64 %rd<19>;
  mov.u64 %SPL, __local_depot;
  ld.param.u64 %rd1, [local_lookup_param_0];
  ld.param.u64 %rd2, [local_lookup_param_1];
  ld.param.u32 %rd3, [local_lookup_param_2];
  cvta.to.global.u64 %rd4, %rd1;
  add.u64 %rd6, %SPL, 0;
  mov.u32 %r1, %tid.x;
  shl.b32 %r2, %r1, 3;
  mul.wide.u32 %rd7, %r2, 4;
  add.s64 %rd8, %rd4, %rd7;
  ld.global.u32 %r3, [%rd8+12];
  ld.global.u32 %r4, [%rd8+8];
  ld.global.u32 %r5, [%rd8+4];
  ld.global.u32 %r6, [%rd8];
  st.local.v4.u32 [%rd6], {%r6, %r5, %r4, %r3};
  ld.global.u32 %r7, [%rd8+28];
  ld.global.u32 %r8, [%rd8+24];
  ld.global.u32 %r9, [%rd8+20];
  ld.global.u32 %r10, [%rd8+16];
  st.local.v4.u32 [%rd6+16], {%r10, %r9, %r8, %r7};
  cvta.to.global.u64 %rd9, %rd2;
  shl.b64 %rd10, %rd3, 2;
  and.b64 %rd11, %rd10, 28;
  add.s64 %rd12, %rd6, %rd11;
  ld.local.u32 %r11, [%rd12];
  ld.global.u32 %rd13, [%rd4];
  shl.b64 %rd14, %rd13, 2;
  and.b64 %rd15, %rd14, 28;
  add.s64 %rd16, %rd6, %rd15;
  ld.local.u32 %r12, [%rd16];
  add.s32 %r13, %r12, %r11;
  mul.wide.u32 %rd17, %r1, 4;
  add.s64 %rd18, %rd9, %rd17;
  st.global.u32 [%rd18], %r13;
  ret;
}
)";

}  // namespace test
#endif
