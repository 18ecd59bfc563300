# The library without Node: one static archive for each instruction set, one for the CUDA kernels that
# `npm run build:cuda` has compiled, and one for everything above them.
{
  "variables": {"cuda_image": "<!(node ../scripts/cuda-image.mjs)"},  # its path, or empty
  "target_defaults": {
    "cflags_cc": ["-std=c++17", "-ffp-contract=off", "-fvisibility=hidden", "-Wall", "-Wextra"],
    "xcode_settings": {"CLANG_CXX_LANGUAGE_STANDARD": "c++17", "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
                       "OTHER_CPLUSPLUSFLAGS": ["-ffp-contract=off"]},
    "msvs_settings": {"VCCLCompilerTool": {"AdditionalOptions": ["/std:c++17"]}},
  },
  "targets": [
    {
      "target_name": "tokensieve_core",
      "type": "static_library",  # in target_defaults node-gyp's own "loadable_module" would win
      "cflags_cc!": ["-fno-exceptions"],  # the pool survives a system that gives it no thread
      "include_dirs": ["..", "../native", "../native/include"],
      "sources": ["<!@(node ../scripts/native-sources.mjs ..)"],
      "dependencies": ["kernels_scalar", "cuda_image"],
      "export_dependent_settings": ["kernels_scalar", "cuda_image"],
      "direct_dependent_settings": {"include_dirs": ["../native/include"]},
      "conditions": [
        ["target_arch=='x64'", {"dependencies": ["kernels_avx2", "kernels_avx512", "kernels_avx512_vnni"]}],
        ["target_arch=='arm64'", {"dependencies": ["kernels_neon"]}],
        # Node unloads an addon with the last worker that used it, and the pool's threads would lose their code
        # CUDA's driver is opened by dlopen, which was a library of its own until glibc 2.34.
        ["OS=='linux'", {"link_settings": {"ldflags": ["-Wl,-z,nodelete"], "libraries": ["-ldl"]}}],
      ],
    },
    {
      "target_name": "cuda_image",
      "type": "static_library",
      "cflags_cc!": ["-fno-exceptions"],
      "include_dirs": [".."],
      "sources": ["../cuda/driver/image/embedded.cc"],
      "conditions": [["cuda_image!=''", {"defines": ["TOKENSIEVE_CUDA_IMAGE=\"<(cuda_image)\""]}]],
    },
    {
      "target_name": "kernels_scalar",
      "includes": ["kernel.gypi"],
      "sources": ["../native/kernels/tables/scalar.cc"],
      "cflags_cc": ["-fno-tree-vectorize"],  # what it says: one float at a time
    },
  ],
  "conditions": [
    ["target_arch=='x64'", {
      "targets": [
        {
          "target_name": "kernels_avx2",
          "includes": ["kernel.gypi"],
          "sources": ["../native/kernels/tables/avx2.cc"],
          "cflags_cc": ["-mavx2", "-mfma", "-mf16c"],
          "xcode_settings": {"OTHER_CPLUSPLUSFLAGS": ["-mavx2", "-mfma", "-mf16c"]},
          "msvs_settings": {"VCCLCompilerTool": {"AdditionalOptions": ["/arch:AVX2"]}},
        },
        {
          "target_name": "kernels_avx512",
          "includes": ["kernel.gypi"],
          "sources": ["../native/kernels/tables/avx512.cc"],
          # GCC 12 warns about its own header's _mm512_undefined_ps (GCC bug 105593)
          "cflags_cc": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma", "-mf16c", "-mprefer-vector-width=512",
                        "-Wno-uninitialized", "-Wno-maybe-uninitialized"],
          "xcode_settings": {"OTHER_CPLUSPLUSFLAGS": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma", "-mf16c"]},
          "msvs_settings": {"VCCLCompilerTool": {"AdditionalOptions": ["/arch:AVX512"]}},
        },
        {
          "target_name": "kernels_avx512_vnni",
          "includes": ["kernel.gypi"],
          "sources": ["../native/kernels/tables/avx512_vnni.cc"],
          # GCC 12 warns about its own header's _mm512_undefined_ps (GCC bug 105593)
          "cflags_cc": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512vnni", "-mfma", "-mf16c", "-mprefer-vector-width=512",
                        "-Wno-uninitialized", "-Wno-maybe-uninitialized"],
          "xcode_settings": {"OTHER_CPLUSPLUSFLAGS": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx512vnni", "-mfma", "-mf16c"]},
          "msvs_settings": {"VCCLCompilerTool": {"AdditionalOptions": ["/arch:AVX512"]}},
        },
      ],
    }],
    ["target_arch=='arm64'", {
      "targets": [
        {"target_name": "kernels_neon", "includes": ["kernel.gypi"], "sources": ["../native/kernels/tables/neon.cc"]},
      ],
    }],
  ],
}
