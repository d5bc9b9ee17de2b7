//! etcd, the API server and the controllers of Kubernetes, on loopback.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
    time::Duration,
};

use crate::{
    Error, Result, User,
    assets::{self, Tool},
    certificates::Certificates,
    folder::Folder,
    kubeconfig, ports,
    process::{Process, Program},
    wait_until,
};

/// How long a program may take to become ready. It takes 4 s on an idle machine; tests often run on a busy one.
const START_LIMIT: Duration = Duration::from_secs(120);

/// How the control plane is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The release that the API server plays, `1.34` for instance; its own when absent.
    pub emulated_version: Option<String>,
    /// Whether garbage collection, the deletion of namespaces and the type check of admission policies run.
    pub controller_manager: bool,
    /// Whose accounts they use.
    pub controller_identity: ControllerIdentity,
    /// More arguments of the API server.
    pub apiserver_args: Vec<String>,
}

/// The accounts of a cluster's controllers. None of them may do everything, as `system:masters` may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ControllerIdentity {
    /// Each has its own, as kubeadm and most services set it up.
    #[default]
    Each,
    /// All act as `system:kube-controller-manager`.
    Shared,
}

/// The roles of the controllers that run here.
const CONTROLLER_ROLES: [&str; 4] = [
    "system:controller:clusterrole-aggregation-controller",
    "system:controller:generic-garbage-collector",
    "system:controller:namespace-controller",
    "system:controller:validatingadmissionpolicy-status-controller",
];

/// A control plane that is ready. It ends when it is dropped, and in any case with this process.
#[derive(Debug)]
pub struct ControlPlane {
    // Dropped in this order: first those that talk to the others, the folder last.
    controller_manager: Option<Process>,
    apiserver: Process,
    _etcd: Process,
    apiserver_program: Program,
    url: String,
    authority: String,
    tokens: BTreeMap<User, String>,
    folder: Folder,
}

impl ControlPlane {
    /// Starts a control plane and waits until it is ready.
    ///
    /// # Errors
    /// When a program is missing ([`assets::find`]), ends, or is not ready in time: with the end of its log.
    pub fn start(options: &Options) -> Result<Self> {
        let folder = Folder::create()?;
        let port = ports::free()?;
        let url = format!("https://127.0.0.1:{port}");
        let certificates = Certificates::generate()?;
        let tokens = write_tokens(&folder)?;
        write_secrets(&folder, &certificates)?;
        for (user, token) in &tokens {
            write_kubeconfig(&folder, &url, user.name(), token)?;
        }
        let (etcd_program, etcd_url) = etcd(&folder)?;
        let apiserver_program = apiserver(&folder, port, &etcd_url, options)?;
        // The API server waits for etcd by itself.
        let mut control_plane = Self {
            controller_manager: None,
            _etcd: Process::start(&etcd_program)?,
            apiserver: Process::start(&apiserver_program)?,
            apiserver_program,
            url,
            authority: certificates.authority,
            tokens,
            folder,
        };
        control_plane.wait_ready()?;
        control_plane.bind_cluster_admin()?;
        if options.controller_manager {
            control_plane.start_controller_manager(options.controller_identity)?;
        }
        Ok(control_plane)
    }

    /// The control plane that all tests of this process share, with the controller manager: use namespaces of your own. It
    /// cannot be stopped.
    ///
    /// # Panics
    /// When it does not start: no test can go on without it.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<ControlPlane> = OnceLock::new();
        SHARED.get_or_init(|| {
            let options = Options { controller_manager: true, ..Options::default() };
            Self::start(&options).unwrap_or_else(|error| panic!("the shared control plane: {error}"))
        })
    }

    /// The API server's URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate of the authority that the API server is trusted by, as PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.authority
    }

    /// The bearer token of a user.
    #[must_use]
    pub fn token(&self, user: User) -> &str {
        self.tokens.get(&user).map_or("", String::as_str)
    }

    /// The path of a user's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self, user: User) -> PathBuf {
        kubeconfig_path(&self.folder, user.name())
    }

    /// Writes a kubeconfig for somebody who has a token, a service account for instance, and returns its path.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be written.
    pub fn kubeconfig_for(&self, name: &str, token: &str) -> Result<PathBuf> {
        write_kubeconfig(&self.folder, &self.url, name, token)
    }

    /// Writes a kubeconfig that leads to the API server through `url`, where a [`crate::Proxy`] listens.
    pub(crate) fn kubeconfig_through(&self, url: &str, name: &str) -> Result<PathBuf> {
        write_kubeconfig(&self.folder, url, name, "the-proxy-has-it")
    }

    /// A folder for files of the tests, removed with the control plane. The logs of its programs are here too.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A token of a service account, from the API server.
    ///
    /// # Errors
    /// [`Error::Command`] when there is no such service account.
    pub fn service_account_token(&self, namespace: &str, name: &str) -> Result<String> {
        let token = self.kubectl_ok(User::Admin, &["create", "token", name, "--namespace", namespace])?;
        Ok(token.trim().to_owned())
    }

    /// Runs `kubectl` as a user.
    ///
    /// # Errors
    /// When it cannot be started; that it failed is in the output.
    pub fn kubectl(&self, user: User, args: &[&str]) -> Result<Output> {
        self.kubectl_with(user, args, "")
    }

    /// Runs `kubectl` as a user with something on its standard input.
    ///
    /// # Errors
    /// As [`ControlPlane::kubectl`].
    pub fn kubectl_with(&self, user: User, args: &[&str], input: &str) -> Result<Output> {
        run(self.command(Tool::Kubectl, user)?.args(args), input)
    }

    /// Runs `kubectl`, which must succeed, and returns its standard output.
    ///
    /// # Errors
    /// [`Error::Command`] with what it said when it failed.
    pub fn kubectl_ok(&self, user: User, args: &[&str]) -> Result<String> {
        successful("kubectl", args, self.kubectl(user, args)?)
    }

    /// Applies manifests as a user, on the server's side; they must be accepted.
    ///
    /// # Errors
    /// [`Error::Command`] with what the API server said when it refused one.
    pub fn apply(&self, user: User, manifests: &str) -> Result<String> {
        let args = ["apply", "--server-side", "--filename=-"];
        successful("kubectl", &args, self.kubectl_with(user, &args, manifests)?)
    }

    /// Runs `helm` as a user.
    ///
    /// # Errors
    /// When it cannot be started; that it failed is in the output.
    pub fn helm(&self, user: User, args: &[&str]) -> Result<Output> {
        run(self.command(Tool::Helm, user)?.args(args), "")
    }

    /// Stops the API server, at once and without a goodbye. What it stored stays.
    pub fn stop_apiserver(&mut self) {
        self.apiserver.kill9();
    }

    /// Starts the API server again, on the same port and data, and waits until it is ready.
    ///
    /// # Errors
    /// As [`ControlPlane::start`].
    pub fn start_apiserver(&mut self) -> Result<()> {
        self.apiserver = Process::start(&self.apiserver_program)?;
        self.wait_ready()
    }

    fn wait_ready(&mut self) -> Result<()> {
        let mut probe = self.command(Tool::Kubectl, User::Admin)?;
        probe.args(["get", "--raw=/readyz", "--request-timeout=5s"]);
        self.apiserver.wait_ready(START_LIMIT, || probe.output().is_ok_and(|output| output.status.success()))
    }

    /// Makes [`User::ClusterAdmin`] what its name says, and waits until the API server knows.
    fn bind_cluster_admin(&self) -> Result<()> {
        let user = format!("--user={}", User::ClusterAdmin);
        self.kubectl_ok(
            User::Admin,
            &["create", "clusterrolebinding", "test-cluster-admin", "--clusterrole=cluster-admin", &user],
        )?;
        wait_until("the cluster admin's role is in force", START_LIMIT, || {
            self.kubectl_ok(User::ClusterAdmin, &["auth", "can-i", "*", "*"]).ok()
        })?;
        Ok(())
    }

    fn start_controller_manager(&mut self, identity: ControllerIdentity) -> Result<()> {
        let user = match identity {
            ControllerIdentity::Each => User::Admin,
            ControllerIdentity::Shared => {
                self.bind_controllers()?;
                User::ControllerManager
            }
        };
        let kubeconfig = self.kubeconfig(user).display().to_string();
        let program = Program {
            name: "kube-controller-manager".to_owned(),
            path: assets::find(Tool::KubeControllerManager)?,
            args: vec![
                format!("--kubeconfig={kubeconfig}"),
                format!("--authentication-kubeconfig={kubeconfig}"),
                format!("--authorization-kubeconfig={kubeconfig}"),
                "--leader-elect=false".to_owned(),
                "--secure-port=0".to_owned(),
                format!("--use-service-account-credentials={}", identity == ControllerIdentity::Each),
                "--controllers=clusterrole-aggregation-controller,garbage-collector-controller,namespace-controller,\
                 validatingadmissionpolicy-status-controller"
                    .to_owned(),
            ],
            env: Vec::new(),
            log: self.folder.join("kube-controller-manager.log"),
        };
        self.controller_manager = Some(Process::start(&program)?);
        Ok(())
    }

    /// Gives the one account of all controllers the roles that each would have.
    fn bind_controllers(&self) -> Result<()> {
        let user = format!("--user={}", User::ControllerManager);
        for role in CONTROLLER_ROLES {
            let (name, role) = (role.replace(':', "-"), format!("--clusterrole={role}"));
            self.kubectl_ok(User::Admin, &["create", "clusterrolebinding", &name, &role, &user])?;
        }
        Ok(())
    }

    /// `kubectl` or `helm`, with the user's rights and its caches in our folder.
    fn command(&self, tool: Tool, user: User) -> Result<Command> {
        let mut command = Command::new(assets::find(tool)?);
        // The user's settings of Helm may name another API server.
        for (variable, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HELM_")) {
            command.env_remove(variable);
        }
        command
            .env("KUBECONFIG", self.kubeconfig(user))
            .env("KUBECACHEDIR", self.folder.join("kubectl-cache"))
            // The user's aliases and defaults are for the user's clusters.
            .env("KUBERC", "off")
            .env("HELM_CACHE_HOME", self.folder.join("helm-cache"))
            .env("HELM_CONFIG_HOME", self.folder.join("helm-config"))
            .env("HELM_DATA_HOME", self.folder.join("helm-data"));
        Ok(command)
    }
}

/// How etcd is run, and its URL.
fn etcd(folder: &Folder) -> Result<(Program, String)> {
    let url = format!("http://127.0.0.1:{}", ports::free()?);
    let peers = format!("http://127.0.0.1:{}", ports::free()?);
    let args = vec![
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={url}"),
        format!("--advertise-client-urls={url}"),
        format!("--listen-peer-urls={peers}"),
        // The data live as long as the test.
        "--unsafe-no-fsync".to_owned(),
    ];
    let path = assets::find(Tool::Etcd)?;
    Ok((Program { name: "etcd".to_owned(), path, args, env: Vec::new(), log: folder.join("etcd.log") }, url))
}

fn apiserver(folder: &Folder, port: u16, etcd_url: &str, options: &Options) -> Result<Program> {
    let file = |name: &str| folder.join(name).display().to_string();
    let mut args = vec![
        format!("--etcd-servers={etcd_url}"),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        format!("--tls-cert-file={}", file("server.pem")),
        format!("--tls-private-key-file={}", file("server-key.pem")),
        format!("--client-ca-file={}", file("ca.pem")),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", file("service-account.pem")),
        format!("--service-account-signing-key-file={}", file("service-account-key.pem")),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        "--authorization-mode=RBAC".to_owned(),
        // It would wait for the token controller, which does not run here.
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        format!("--token-auth-file={}", file("tokens.csv")),
    ];
    args.extend(options.emulated_version.iter().map(|version| format!("--emulated-version={version}")));
    args.extend(options.apiserver_args.iter().cloned());
    let (path, log) = (assets::find(Tool::KubeApiserver)?, folder.join("kube-apiserver.log"));
    Ok(Program { name: "kube-apiserver".to_owned(), path, args, env: Vec::new(), log })
}

/// Gives every user a token and writes the file that the API server knows them by.
fn write_tokens(folder: &Folder) -> Result<BTreeMap<User, String>> {
    let tokens = User::ALL.into_iter().map(|user| Ok((user, random_token()?))).collect::<Result<BTreeMap<_, _>>>()?;
    let line = |(user, token): (&User, &String)| {
        let name = user.name();
        user.group()
            .map_or_else(|| format!("{token},{name},{name}\n"), |group| format!("{token},{name},{name},{group}\n"))
    };
    folder.write("tokens.csv", &tokens.iter().map(line).collect::<String>())?;
    Ok(tokens)
}

fn random_token() -> Result<String> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0_u8; 16];
    fs::File::open(source).and_then(|mut file| file.read_exact(&mut bytes)).map_err(Error::file(source))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn write_secrets(folder: &Folder, certificates: &Certificates) -> Result<()> {
    folder.write("ca.pem", &certificates.authority)?;
    folder.write("server.pem", &certificates.server)?;
    folder.write("server-key.pem", &certificates.server_key)?;
    folder.write("service-account-key.pem", &certificates.service_account_key)?;
    folder.write("service-account.pem", &certificates.service_account_public_key)?;
    Ok(())
}

fn kubeconfig_path(folder: &Folder, name: &str) -> PathBuf {
    folder.join(format!("{name}.kubeconfig"))
}

fn write_kubeconfig(folder: &Folder, url: &str, name: &str, token: &str) -> Result<PathBuf> {
    let path = kubeconfig_path(folder, name);
    fs::write(&path, kubeconfig::render(url, &folder.join("ca.pem"), name, token)).map_err(Error::file(&path))?;
    Ok(path)
}

fn run(command: &mut Command, input: &str) -> Result<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::spawn(&program))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read its input has its reasons; they are in its output.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output().map_err(Error::spawn(program))
}

fn successful(program: &str, args: &[&str], output: Output) -> Result<String> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let command = format!("{program} {}", args.join(" "));
    Err(Error::Command { command, stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
}
