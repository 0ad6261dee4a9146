//! The file system of the power losses, itself tested: what was flushed stays, all else may go.

mod lossyfs;

#[test]
fn it_mounts() {
    if let Some(why) = lossyfs::missing() {
        eprintln!("skipped: {why}");
        return;
    }
    let fs = lossyfs::LossyFs::mount(env!("CARGO_TARGET_TMPDIR").as_ref()).expect("mounts");
    let disk = fs.disk("a");
    std::fs::write(disk.path().join("file"), "text").expect("is writable");
    assert_eq!(std::fs::read_to_string(disk.path().join("file")).expect("is there"), "text");
    println!("{:?}", disk.lose_power(|_| 0));
    assert!(!disk.path().join("file").exists());
    println!("{}", std::fs::read_to_string("/proc/self/mounts").expect("m"));
}
