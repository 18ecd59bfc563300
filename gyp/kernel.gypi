# Flags that every kernel object shares. Results must not depend on the compiler's mood: no contraction, no fast-math.
{
  "type": "static_library",
  "include_dirs": ["../native", "../native/include"],
  "cflags_cc": ["-std=c++17", "-O3", "-ffp-contract=off", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics",
                "-fvisibility=hidden", "-Wall", "-Wextra"],
  "xcode_settings": {"OTHER_CPLUSPLUSFLAGS": ["-std=c++17", "-O3", "-ffp-contract=off"], "GCC_ENABLE_CPP_EXCEPTIONS": "NO", "GCC_ENABLE_CPP_RTTI": "NO"},
  "msvs_settings": {"VCCLCompilerTool": {"FloatingPointModel": 0, "AdditionalOptions": ["/std:c++17"]}},
}
