"""Load and measurement: the gateway and other servers under the same tools. See README.md."""
