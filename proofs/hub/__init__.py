"""`make hub-proof`: three stock Debian 13 machines become a hub by ansible/hub.yml, and stay one."""
