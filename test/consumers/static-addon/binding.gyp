{
  "targets": [
    {
      "target_name": "static_addon",
      "sources": ["addon.cc"],
      "dependencies": [
        "<!(node -p \"require('tokensieve/native').targets\"):tokensieve_core",
        "<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except",
      ],
    },
  ],
}
