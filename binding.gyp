{
  "targets": [
    {
      # The addon: glue only. What computes is in gyp/tokensieve.gyp and knows nothing of Node.
      "target_name": "tokensieve",
      "sources": ["native/node/addon.cc", "native/node/arguments.cc", "native/node/call.cc",
                  "native/node/device_work.cc", "native/node/operations.cc"],
      "include_dirs": ["native", "native/include"],
      "dependencies": [
        "gyp/tokensieve.gyp:tokensieve_core",
        "<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except",
      ],
      "defines": [
        "NAPI_VERSION=8",
        "NODE_ADDON_API_DISABLE_DEPRECATED",
        "NODE_API_NO_EXTERNAL_BUFFERS_ALLOWED",
        # a worker that ends while a promise is pending must not end the process
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
      ],
      "cflags_cc": ["-std=c++17", "-fvisibility=hidden", "-Wall", "-Wextra"],
      "xcode_settings": {"CLANG_CXX_LANGUAGE_STANDARD": "c++17", "GCC_SYMBOLS_PRIVATE_EXTERN": "YES"},
      "msvs_settings": {"VCCLCompilerTool": {"AdditionalOptions": ["/std:c++17"]}},
      "conditions": [
        ["OS=='linux'", {
          "ldflags": ["-Wl,-Bsymbolic", "-Wl,--exclude-libs,ALL", "-Wl,-z,now", "-Wl,-z,relro",
                      "-Wl,--version-script=<(module_root_dir)/native/node/exports.map"],
        }],
      ],
    },
  ],
}
