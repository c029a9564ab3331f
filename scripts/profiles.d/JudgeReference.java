// Judges cases with the HL7 reference validator: JudgeReference CASES VERDICTS DEFINITIONS...
// CASES is a JSON list of {name, resource}; VERDICTS becomes {name: [error, ...]}.
// Each verdict is a line on standard output as soon as it is there: number, milliseconds, errors, name.
// No network: packages come from <user.home>/.fhir/packages (reference_home.py makes them).

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import org.hl7.fhir.r5.elementmodel.Manager.FhirFormat;
import org.hl7.fhir.r5.utils.validation.constants.ReferenceValidationPolicy;
import org.hl7.fhir.utilities.http.ManagedWebAccess;
import org.hl7.fhir.validation.ValidationEngine;
import org.hl7.fhir.validation.instance.advisor.BasePolicyAdvisorForFullValidation;

public final class JudgeReference {
  public static void main(String[] arguments) throws Exception {
    ManagedWebAccess.setAccessPolicy(ManagedWebAccess.WebAccessPolicy.PROHIBITED);
    ValidationEngine engine = new ValidationEngine.ValidationEngineBuilder()
        .withVersion("4.0.1").withNoTerminologyServer().withCanRunWithoutTerminologyServer(true)
        .withThoVersion("6.5.0").withExtensionsVersion("5.2.0")
        .fromSource("hl7.fhir.r4.core#4.0.1");
    for (String folder : Arrays.asList(arguments).subList(2, arguments.length)) {
      engine.getIgLoader().loadIg(engine.getIgs(), engine.getBinaries(), folder, false);
    }
    engine.prepare();
    engine.setAllowExampleUrls(true);
    engine.setPolicyAdvisor(new BasePolicyAdvisorForFullValidation(ReferenceValidationPolicy.IGNORE, new HashSet<>()));
    JsonArray cases = JsonParser.parseString(Files.readString(Path.of(arguments[0]))).getAsJsonArray();
    JsonObject verdicts = new JsonObject();
    for (int number = 0; number < cases.size(); number++) {
      JsonObject one = cases.get(number).getAsJsonObject();
      String name = one.get("name").getAsString();
      long start = System.nanoTime();
      JsonArray errors = errors(engine, one.get("resource").toString());
      verdicts.add(name, errors);
      long took = (System.nanoTime() - start) / 1_000_000;
      System.out.printf("%d/%d %d ms %d %s%n", number + 1, cases.size(), took, errors.size(), name);
    }
    Files.writeString(Path.of(arguments[1]), new GsonBuilder().setPrettyPrinting().create().toJson(verdicts));
  }

  private static JsonArray errors(ValidationEngine engine, String resource) {
    JsonArray errors = new JsonArray();
    try {
      var bytes = new ByteArrayInputStream(resource.getBytes(StandardCharsets.UTF_8));
      for (var issue : engine.validate(FhirFormat.JSON, bytes, new ArrayList<>()).getIssue()) {
        String text = issue.getDetails().getText();
        String severity = issue.getSeverity().toCode();
        if ((severity.equals("error") || severity.equals("fatal"))) {
          errors.add((issue.hasExpression() ? issue.getExpression().get(0).getValue() : "") + ": " + text);
        }
      }
    } catch (Exception broken) {
      errors.add("the judge broke down: " + broken);
    }
    return errors;
  }
}
