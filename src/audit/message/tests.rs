use super::*;
use crate::audit::trail::tests::{alice, at};

fn message(event: Event) -> String {
    let record = Record {
        seq: 7,
        time: at(0),
        who: alice(),
        event,
        prev: String::new(),
    };
    let source = Source {
        id: "cart".into(),
        process: 42,
        trail: "file:///audit".into(),
    };
    xml(&record, "ab", &source)
}

#[test]
fn an_export_names_who_what_and_where_to() {
    let event = Event::Exported {
        subject: Subject {
            exam: "E1".into(),
            study: Some("2.25.7".into()),
            patient_id: Some("P&1".into()),
            patient_name: Some("Doe^Jane".into()),
        },
        to: "/media/<a>\u{1}".into(),
    };
    assert_eq!(
        message(event),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><AuditMessage>\
         <EventIdentification EventActionCode=\"R\" EventDateTime=\"2023-11-14T22:13:20.000Z\" \
         EventOutcomeIndicator=\"0\"><EventID csd-code=\"110106\" codeSystemName=\"DCM\" originalText=\"Export\">\
         </EventID></EventIdentification>\
         <ActiveParticipant UserID=\"alice\" AlternativeUserID=\"42\" UserIsRequestor=\"true\">\
         <RoleIDCode csd-code=\"110153\" codeSystemName=\"DCM\" originalText=\"Source Role ID\"></RoleIDCode>\
         </ActiveParticipant>\
         <ActiveParticipant UserID=\"/media/&lt;a&gt;\u{fffd}\" UserIsRequestor=\"false\">\
         <RoleIDCode csd-code=\"110154\" codeSystemName=\"DCM\" originalText=\"Destination Media\"></RoleIDCode>\
         <MediaIdentifier><MediaType csd-code=\"110037\" codeSystemName=\"DCM\" originalText=\"URI\"></MediaType>\
         </MediaIdentifier></ActiveParticipant>\
         <AuditSourceIdentification AuditSourceID=\"cart\"><AuditSourceTypeCode csd-code=\"2\"></AuditSourceTypeCode>\
         </AuditSourceIdentification>\
         <ParticipantObjectIdentification ParticipantObjectID=\"2.25.7\" ParticipantObjectTypeCode=\"2\" \
         ParticipantObjectTypeCodeRole=\"3\"><ParticipantObjectIDTypeCode csd-code=\"110180\" codeSystemName=\"DCM\" \
         originalText=\"Study Instance UID\"></ParticipantObjectIDTypeCode>\
         <ParticipantObjectName>E1</ParticipantObjectName></ParticipantObjectIdentification>\
         <ParticipantObjectIdentification ParticipantObjectID=\"P&amp;1\" ParticipantObjectTypeCode=\"1\" \
         ParticipantObjectTypeCodeRole=\"1\"><ParticipantObjectIDTypeCode csd-code=\"2\" codeSystemName=\"RFC-3881\" \
         originalText=\"Patient Number\"></ParticipantObjectIDTypeCode>\
         <ParticipantObjectName>Doe^Jane</ParticipantObjectName></ParticipantObjectIdentification>\
         <ParticipantObjectIdentification ParticipantObjectID=\"file:///audit#seq=7&amp;sha256=ab\" \
         ParticipantObjectTypeCode=\"2\" ParticipantObjectTypeCodeRole=\"13\"><ParticipantObjectIDTypeCode \
         csd-code=\"12\" codeSystemName=\"RFC-3881\" originalText=\"URI\"></ParticipantObjectIDTypeCode>\
         <ParticipantObjectName>Security Audit Log</ParticipantObjectName></ParticipantObjectIdentification>\
         </AuditMessage>"
    );
}

#[test]
fn a_login_names_who_and_from_where() {
    let from = String::from("10.0.0.7");
    let xml = message(Event::LogInRefused {
        from,
        unrecorded: None,
    });
    for part in [
        "EventOutcomeIndicator=\"4\"",
        "csd-code=\"110114\"",
        "csd-code=\"110122\"",
        "UserID=\"alice\"",
        "UserID=\"10.0.0.7\"",
    ] {
        assert!(xml.contains(part), "{part} in {xml}");
    }
}

#[test]
fn an_alert_says_how_serious_it_is_and_why() {
    let xml = message(Event::Shortened { found: 3, head: 5 });
    let words = BASE64_STANDARD.encode("the audit trail was cut off: it ended at record 3, 5 were written");
    assert!(xml.contains("EventOutcomeIndicator=\"8\""), "{xml}");
    assert!(
        xml.contains(&format!("type=\"Alert Description\" value=\"{words}\"")),
        "{xml}"
    );
}
