{
  "targets": [
    {
      "target_name": "borrowing_addon",
      "sources": ["addon.c"],
      "include_dirs": ["<!(node -p \"require('tokensieve/native').include_dir\")"],
      "defines": ["NAPI_VERSION=8"],
      "cflags_c": ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"],
    },
  ],
}
