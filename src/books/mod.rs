//! What is observed of a cluster, or of a folder of manifests, as domain types.
