"""The demo: an emulator, an organization, a story, and claims that are checked."""
