//! What billing is: pure rules, without Kubernetes, serde, a runtime or a clock.
