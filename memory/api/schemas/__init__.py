"""Request and response models of the native routes; docs and tests are made from their examples."""
