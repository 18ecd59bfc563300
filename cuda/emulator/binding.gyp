# The PTX emulator, its tests, and the double of libcuda over it: plain C++17, no CUDA; only cudasim_control is of Node.
{
  "variables": {"sources": "<(module_root_dir)/../../scripts/native-sources.mjs"},
  "target_defaults": {
    "include_dirs": [".", "../../native"],
    "cflags_cc": ["-std=c++17", "-O3", "-ffp-contract=off", "-fno-rtti", "-fno-strict-aliasing", "-fno-trapping-math", "-fno-math-errno",
                  "-fvisibility=hidden", "-fPIC", "-Wall", "-Wextra"],
    "xcode_settings": {"CLANG_CXX_LANGUAGE_STANDARD": "c++17", "OTHER_CPLUSPLUSFLAGS": ["-O3", "-ffp-contract=off"]},
  },
  "targets": [
    {
      "target_name": "tsv_emulator",
      "type": "static_library",
      "standalone_static_library": 1,
      "sources": ["<!@(node <(sources) ../.. cuda/emulator)", "executors/baseline.cc"],
      "conditions": [["target_arch=='x64'", {"dependencies": ["executors_avx2"]}]],
      "link_settings": {"libraries": ["-pthread"]},
    },
    {
      "target_name": "cudasim",
      "type": "shared_library",
      "product_dir": "<(PRODUCT_DIR)",
      "product_prefix": "lib",  # node-gyp takes it away
      "sources": ["<!@(node <(sources) ../.. cuda/emulator/cudasim)"],
      "dependencies": ["tsv_emulator"],
      "conditions": [["OS=='linux'", {
        # Threads of streams may still run when the last user closes the library
        "ldflags": ["-Wl,-Bsymbolic", "-Wl,-z,nodelete", "-Wl,-z,now", "-Wl,--exclude-libs,ALL",
                    "-Wl,--version-script=<(module_root_dir)/cudasim/exports.map"],
      }]],
    },
    {
      # For tests in JavaScript: arms failures of the double, and counts what it holds
      "target_name": "cudasim_control",
      "type": "loadable_module",
      "product_extension": "node",
      "sources": ["cudasim/node/control.cc"],
      "cflags_cc": ["-fvisibility=default"],
    },
    {
      # A client of the double: it opens the library, and links nothing of it
      "target_name": "cudasim_tests",
      "type": "executable",
      "include_dirs": ["../../native/test"],
      "sources": ["<!@(node <(sources) ../.. cuda/emulator/test/cudasim)"],
      "libraries": ["-ldl", "-pthread"],
    },
    {
      "target_name": "emulator_tests",
      "type": "executable",
      "include_dirs": ["../../native/test"],
      "sources": ["<!@(node <(sources) ../.. cuda/emulator/test)"],
      "dependencies": ["tsv_emulator"],
    },
  ],
  "conditions": [
    ["target_arch=='x64'", {
      "targets": [
        {
          # The lane loops once more for processors with AVX2 and FMA; executors.cc chooses
          "target_name": "executors_avx2",
          "type": "static_library",
          "sources": ["executors/avx2.cc"],
          "cflags_cc": ["-mavx2", "-mfma", "-mf16c"],
          "xcode_settings": {"OTHER_CPLUSPLUSFLAGS": ["-mavx2", "-mfma", "-mf16c"]},
        },
      ],
    }],
  ],
}
