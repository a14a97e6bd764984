"""The recipe of the OS image: Debian 13 for a Raspberry Pi (arm64) and for the bench's virtual machine (amd64)."""
