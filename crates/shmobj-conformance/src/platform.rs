//! Where the suite runs.
#![allow(unsafe_code)] // only ntdll itself tells that it is Wine's

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
