"""The `kiosk` command: a file a group of subcommands, joined in `edge.__main__`."""
