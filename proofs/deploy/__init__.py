"""`make deploy-proof`: ansible/deploy.yml on a stock Debian 13 in QEMU, as an integrator runs it (docs/deploy.md)."""
