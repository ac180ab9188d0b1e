//! Keys: where they are read from, what is refused, and that nothing found is ever repeated.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use destilation::config::{Redactor, Variables, resolve};
use destilation::core::settings::{KeySource, ProviderSettings};
use destilation::providers::CATALOG;
use secrecy::ExposeSecret;

use crate::support::{KINDS, User};

async fn key_of(source: KeySource, variables: &Variables) -> Result<String, String> {
    match resolve(&source, variables).await {
        Ok(key) => Ok(key.expose_secret().to_owned()),
        Err(error) => {
            let shown = format!("{error}\n{error:?}");
            assert!(!shown.contains("CANARY"), "{shown}");
            Err(error.to_string())
        }
    }
}

#[tokio::test]
async fn a_key_comes_from_the_environment() {
    let user = User::new()
        .variable("A", " the-key\n")
        .variable("B", "  ")
        .variable("C", "CANARY with blanks");
    let env = |name: &str| KeySource::Env(name.to_owned());
    assert_eq!(key_of(env("A"), &user.variables).await.unwrap(), "the-key");
    for name in ["B", "NONE"] {
        let error = key_of(env(name), &user.variables).await.unwrap_err();
        assert!(
            error.contains(&format!("{name} is not set; set it to the key")),
            "{error}"
        );
    }
    assert!(
        key_of(env("C"), &user.variables)
            .await
            .unwrap_err()
            .contains("blanks")
    );
}

#[tokio::test]
async fn a_key_file_is_the_users_own_and_read_anew_each_time() {
    let user = User::new();
    let file = user.folder.path().join("a.key");
    let source = || KeySource::File(file.clone());
    let read = async || key_of(source(), &user.variables).await;
    assert!(
        read()
            .await
            .unwrap_err()
            .contains("does not exist; put the key into it")
    );
    fs::write(&file, "the-key\r\nCANARY second line\n").unwrap();
    for (mode, words) in [(0o644, "mode 0644"), (0o640, "chmod 600"), (0o602, "mode 0602")] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let error = read().await.unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    for mode in [0o600, 0o400] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(read().await.unwrap(), "the-key");
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "rotated\n").unwrap();
    assert_eq!(read().await.unwrap(), "rotated");
    for bytes in [&b""[..], b"\n\nCANARY", b"CANARY\0", b"CANARY \xff"] {
        fs::write(&file, bytes).unwrap();
        assert!(read().await.unwrap_err().contains("is no key"));
    }
    let target = user.folder.path().join("target");
    fs::rename(&file, &target).unwrap();
    symlink(&target, &file).unwrap();
    assert!(
        read()
            .await
            .unwrap_err()
            .contains("is a link; name the file it leads to")
    );
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(read().await.unwrap_err().contains("is no regular file"));
}

/// S2: whatever of the configuration is shown, printed for debugging or written down, a key that was found is not in it.
#[tokio::test]
async fn no_error_and_no_setting_shows_a_key() {
    const KEY: &str = "CANARY-7f3a91c2e5d84b60";
    let user = User::new()
        .variable("KEY", KEY)
        .variable("DESTILER_UI__THEME", KEY);
    let file = user.folder.path().join("a.key");
    fs::write(&file, format!("{KEY}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let sources = [
        KeySource::Env("KEY".to_owned()),
        KeySource::File(file.clone()),
        KeySource::Command(vec!["cat".to_owned(), file.display().to_string()]),
    ];
    for source in &sources {
        let key = resolve(source, &user.variables).await.unwrap();
        assert_eq!(key.expose_secret(), KEY);
        let redactor = Redactor::new(std::slice::from_ref(&key)).unwrap();
        let shown = format!("{key:?} {redactor:?} {source:?} {}", redactor.redact(KEY));
        assert!(!shown.contains("CANARY"), "{shown}");
        for kind in KINDS {
            // Settings that are wrong in every way a provider looks at.
            for (base, cassette) in [
                ("ftp://here", "/nowhere"),
                ("https://user:pw@here", ""),
                ("http://10.0.0.1", "x"),
            ] {
                let settings = ProviderSettings {
                    name: "t".to_owned(),
                    kind: (*kind).to_owned(),
                    base_url: Some(base.to_owned()),
                    cassette: Some(cassette.into()),
                    command: vec![String::new()],
                    api_key: Some(source.clone()),
                    ..ProviderSettings::default()
                };
                let shown = match (CATALOG.find(kind).unwrap().build)(&settings, Some(key.clone())) {
                    Ok(_) => format!("{settings:?}"),
                    Err(error) => format!("{error} {error:?} {settings:?}"),
                };
                assert!(!shown.contains("CANARY"), "{kind}: {shown}");
                let written = serde_json::to_string(&settings).unwrap();
                assert!(!written.contains("CANARY"), "{kind}: {written}");
            }
        }
    }
    let problems = user.load().map(|loaded| format!("{:?}", loaded.origins));
    let shown = format!("{problems:?}");
    assert!(!shown.contains("CANARY"), "{shown}");
}
