//! The custom resources of `billing-operator.io/v1alpha1`, as they are written on the wire.
