"""What runs containers: one module for each runtime, pure; `sh/pull.sh` has their images."""
