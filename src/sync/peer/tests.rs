use super::*;

const OTHER: PeerId = PeerId(2);
const THIRD: PeerId = PeerId(3);

fn contents(of: u64) -> Contents {
    Contents { digest: Digest(of.into()), size: of }
}

/// The first edit of this author.
fn edit(by: u64, of: u64) -> Version {
    let by = FileId(by);
    Version { stamp: Stamp { counter: 1, by }, contents: contents(of), seen: [(by, 1)].into() }
}

/// A peer with the id 5, started, whose file holds this.
fn peer(holds: Option<u64>) -> Peer {
    let mut peer = Peer::new(Setup { fresh: FileId(5), file: "f".into(), max_size: 1000 });
    step(&mut peer, Peer::start);
    tell(&mut peer, holds.map_or(Input::Missing, |of| Input::Found(contents(of))));
    peer
}

/// The effects, in words.
fn step(peer: &mut Peer, event: impl FnOnce(&mut Peer, &mut Effects<Peer>)) -> Vec<String> {
    let mut out = Vec::new();
    event(peer, &mut out);
    let words = |effect: Effect<Peer>| match effect {
        Effect::Send(to, message) => {
            let message = message.to_string();
            Some(format!("{to} {}", message.split(" 000").next().unwrap_or_default()))
        }
        Effect::Report(fact) => Some(fact.to_string().split(" 000").next()?.to_owned()),
        _ => None,
    };
    out.into_iter().filter_map(words).collect()
}

fn tell(peer: &mut Peer, input: Input) -> Vec<String> {
    step(peer, |peer, out| peer.input(input, out))
}

fn hear(peer: &mut Peer, from: PeerId, message: Message) -> Vec<String> {
    step(peer, |peer, out| peer.receive(from, message, out))
}

fn offers(peer: &mut Peer, from: PeerId, version: &Version) -> Vec<String> {
    hear(peer, from, Message::Offer(version.clone()))
}

fn tick(peer: &mut Peer) -> Vec<String> {
    step(peer, |peer, out| peer.timeout(Timer::Tick, out))
}

#[test]
fn a_content_is_asked_for_installed_and_offered_on() {
    let mut peer = peer(Some(7));
    let theirs = edit(1, 8);
    assert!(offers(&mut peer, OTHER, &theirs)[0].starts_with("peer2 want"));
    assert!(peer.expects(OTHER, &theirs) && !peer.expects(THIRD, &theirs));
    let said = hear(&mut peer, OTHER, Message::Content(theirs.clone()));
    assert_eq!(said, ["arrived"]);
    let plan = peer.plan().expect("it has one");
    assert_eq!((plan.contents, plan.kept.map(|stamp| stamp.counter)), (contents(8), Some(0)));
    let said = tell(&mut peer, Input::Installed);
    assert!(said[0].starts_with("received 1.") && said[1].starts_with("peer2 offer"), "{said:?}");
    assert!(peer.plan().is_none() && peer.version().expect("one").has_seen(&theirs));
}

#[test]
fn an_edit_that_comes_before_the_rename_comes_first() {
    let mut peer = peer(Some(7));
    offers(&mut peer, OTHER, &edit(9, 8));
    hear(&mut peer, OTHER, Message::Content(edit(9, 8)));
    let found = peer.plan().expect("it has one").kept;
    tell(&mut peer, Input::Found(contents(11)));
    // It has the counter 1 too, and the id 9 is higher: the edit is what is kept now.
    let plan = peer.plan().expect("it has one still");
    assert!(plan.kept.is_some() && plan.kept != found && plan.contents == contents(8));
    // A second edit is above theirs, and nothing is to be replaced any more.
    tell(&mut peer, Input::Found(contents(12)));
    assert!(peer.plan().is_none());
}

#[test]
fn after_a_crash_the_file_says_whether_it_was_replaced() {
    for (holds, said) in [(8, "restored 1."), (7, "restored 0."), (9, "changed to 1.")] {
        let mut before = peer(Some(7));
        offers(&mut before, OTHER, &edit(1, 8));
        hear(&mut before, OTHER, Message::Content(edit(1, 8)));
        let mut again = peer(None);
        before.snapshot().into_iter().for_each(|record| {
            assert_eq!(again.disbelieves(&record), None);
            again.restore(record);
        });
        again.place = Place::Unknown;
        let words = tell(&mut again, Input::Found(contents(holds)));
        assert!(words[0].starts_with(said), "{holds}: {words:?}");
    }
}

#[test]
fn one_who_does_not_send_is_passed_over() {
    let mut peer = peer(None);
    let theirs = edit(1, 8);
    step(&mut peer, |peer, out| peer.connected(OTHER, out));
    step(&mut peer, |peer, out| peer.connected(THIRD, out));
    let asked = offers(&mut peer, THIRD, &theirs);
    assert!(asked[0].starts_with("peer3 want") && offers(&mut peer, OTHER, &theirs).is_empty());
    assert!(tick(&mut peer).is_empty(), "it has had no time yet");
    assert!(tick(&mut peer)[0].starts_with("peer2 want"));
    // What has begun to come is waited for, until it is dropped or its link is.
    tell(&mut peer, Input::Arriving(OTHER));
    assert!((0..5).all(|_| tick(&mut peer).is_empty()));
    assert!(tell(&mut peer, Input::Unlinked(OTHER))[0].starts_with("peer3 want"));
    // After a failure it rests, and then asks again.
    assert!(tell(&mut peer, Input::Dropped(THIRD)).is_empty());
    assert!(tick(&mut peer).is_empty() && tick(&mut peer)[0].starts_with("peer3 want"));
}

#[test]
fn however_many_offers_are_too_large_few_are_told() {
    let mut peer = peer(Some(7));
    let mut told = 0;
    for size in 2000..3000 {
        told += offers(&mut peer, OTHER, &edit(9, size)).len();
    }
    assert_eq!(told, 2, "one line for people, one message");
    let mut peer = self::peer(Some(7));
    let refuse = |of| Message::TooLarge { offered: contents(of), most: 3 };
    assert!(hear(&mut peer, OTHER, refuse(8)).is_empty(), "it was never offered");
    assert_eq!(hear(&mut peer, OTHER, refuse(7)).len(), 1);
    assert!(hear(&mut peer, OTHER, refuse(7)).is_empty());
}

#[test]
fn versions_of_many_authors_leave_room_for_edits() {
    let mut many = edit(1, 8);
    many.seen.extend((1000..2000).map(|by| (FileId(by), 0)));
    let mut peer = peer(Some(7));
    assert_eq!(peer.objection(OTHER, &Message::Offer(many.clone())), None);
    assert!(offers(&mut peer, OTHER, &many).is_empty());
    let mut far = edit(1, 8);
    far.stamp.counter = 1 << 40;
    far.seen.insert(FileId(1), 1 << 40);
    assert!(peer.objection(OTHER, &Message::Offer(far)).is_some());
}

#[test]
fn a_file_that_cannot_be_used_is_neither_offered_nor_replaced() {
    let mut peer = peer(Some(7));
    tell(&mut peer, Input::Unusable);
    assert!(step(&mut peer, |peer, out| peer.connected(OTHER, out)).is_empty());
    assert!(offers(&mut peer, OTHER, &edit(9, 8)).is_empty());
    assert!(tell(&mut peer, Input::Found(contents(7)))[1].starts_with("peer2 want"));
}
