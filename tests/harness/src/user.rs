//! The people of the tests.

use std::fmt;

/// A user of the control plane, known to the API server by a static token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum User {
    /// In `system:masters`: past RBAC, for setting a scene up.
    Admin,
    /// A cluster administrator as one usually is: an ordinary user bound to the role `cluster-admin`.
    ClusterAdmin,
    /// A team that runs projects. No rights until a test grants some.
    Tenant,
    /// The team that runs the platform: assigns namespaces to organizations. No rights until a test grants some.
    Platform,
    /// Who sells: prices, terms, issuers. No rights until a test grants some.
    Provider,
    /// Who records payments. No rights until a test grants some.
    Finance,
    /// Who writes usage. No rights until a test grants some.
    Meter,
    /// All controllers of a cluster that gives them one account.
    ControllerManager,
}

impl User {
    /// Every user.
    pub const ALL: [Self; 8] = [
        Self::Admin,
        Self::ClusterAdmin,
        Self::Tenant,
        Self::Platform,
        Self::Provider,
        Self::Finance,
        Self::Meter,
        Self::ControllerManager,
    ];

    /// The user's name, as RBAC subjects and `request.userInfo.username` have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::ClusterAdmin => "cluster-admin",
            Self::Tenant => "tenant",
            Self::Platform => "platform",
            Self::Provider => "provider",
            Self::Finance => "finance",
            Self::Meter => "meter",
            Self::ControllerManager => "system:kube-controller-manager",
        }
    }

    /// The user's group, if any.
    pub(crate) const fn group(self) -> Option<&'static str> {
        match self {
            Self::Admin => Some("system:masters"),
            _ => None,
        }
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
