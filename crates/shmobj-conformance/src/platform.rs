//! Where the suite runs.
#![allow(unsafe_code)] // only ntdll itself tells that it is Wine's, and only Windows can be told to let a process fault in peace

/// A system, as results tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Linux.
    Linux,
    /// Windows programs on Wine.
    Wine,
    /// Windows.
    Windows,
}

impl Platform {
    /// Those whose results are kept.
    pub const RECORDED: [Self; 2] = [Self::Linux, Self::Wine];

    /// This one.
    #[must_use]
    pub fn here() -> Self {
        if cfg!(target_os = "linux") {
            Self::Linux
        } else if is_wine() {
            Self::Wine
        } else {
            Self::Windows
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linux => "Linux",
            Self::Wine => "Wine",
            Self::Windows => "Windows",
        }
    }

    /// How its results are recorded anew.
    #[must_use]
    pub const fn recipe(self) -> &'static str {
        match self {
            Self::Wine => ".ci/windows --record",
            Self::Linux | Self::Windows => "cargo run -p shmobj-conformance -- record",
        }
    }
}

/// Has a fault end this process, and nothing else: by default Windows may ask the user, and Wine starts a debugger that writes into the
/// process's output and changes its exit code.
#[cfg(windows)]
pub(crate) fn let_faults_end_the_process() {
    use std::ffi::c_void;

    type Filter = extern "system" fn(exception: *const c_void) -> i32;
    #[link(name = "kernel32")]
    unsafe extern "system" {
        safe fn SetUnhandledExceptionFilter(filter: Option<Filter>) -> *const c_void;
    }
    extern "system" fn end(_: *const c_void) -> i32 {
        const EXECUTE_HANDLER: i32 = 1; // the system's own, which ends the process with the exception's code
        EXECUTE_HANDLER
    }
    SetUnhandledExceptionFilter(Some(end));
}

/// A signal ends it.
#[cfg(not(windows))]
pub(crate) fn let_faults_end_the_process() {}

#[cfg(not(windows))]
fn is_wine() -> bool {
    false
}

/// Wine's `ntdll` exports a function that Windows has not.
#[cfg(windows)]
fn is_wine() -> bool {
    use std::ffi::{CStr, c_char, c_void};

    #[link(name = "kernel32")]
    unsafe extern "system" {
        fn GetModuleHandleA(name: *const c_char) -> *mut c_void;
        fn GetProcAddress(module: *mut c_void, name: *const c_char) -> *mut c_void;
    }
    const NTDLL: &CStr = c"ntdll.dll";
    const VERSION: &CStr = c"wine_get_version";
    // SAFETY: the name is a C string. ntdll is in every process, and stays.
    let ntdll = unsafe { GetModuleHandleA(NTDLL.as_ptr()) };
    // SAFETY: the module is loaded, or null, which names the program itself; the name is a C string.
    let version = unsafe { GetProcAddress(ntdll, VERSION.as_ptr()) };
    !version.is_null()
}
