using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Microsoft.ML.Infomorphic.GpuCheck;

// Microsoft.ML.Command, a namespace, would hide it.
using Command = System.CommandLine.Command;

/// <summary>The reports of all parts as one, and as one table.</summary>
internal static class Summary
{
    public static Command Create()
    {
        var folder = new Argument<DirectoryInfo>("folder") { Description = "The folder of the parts' reports." };
        var command = new Command("summary", "Puts the reports of a folder together: NN-part.json, or NN-part.failed.")
        {
            folder,
        };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(folder).FullName));
        return command;
    }

    private static int Run(string folder)
    {
        var parts = new JsonObject();
        var rows = new List<string[]>();
        bool failed = false;
        foreach (string path in Directory.GetFiles(folder, "??-*").Order(StringComparer.Ordinal))
        {
            string part = Path.GetFileNameWithoutExtension(path)[3..];
            switch (Path.GetExtension(path))
            {
                case ".json":
                    JsonNode report = JsonNode.Parse(File.ReadAllText(path))!;
                    rows.Add([part, Describe(part, report)]);
                    failed |= report["result"]?["failed"] is JsonArray { Count: > 0 };
                    parts[part] = report;
                    break;
                case ".failed":
                    string reason = File.ReadAllText(path).Trim();
                    rows.Add([part, "failed: " + reason]);
                    parts[part] = new JsonObject { ["failed"] = reason };
                    failed = true;
                    break;
                case ".skipped":
                    string why = File.ReadAllText(path).Trim();
                    rows.Add([part, "skipped: " + why]);
                    parts[part] = new JsonObject { ["skipped"] = why };
                    break;
            }
        }

        string file = Path.Combine(folder, "gpu-check.json");
        File.WriteAllText(
            file,
            parts.ToJsonString(
                new System.Text.Json.JsonSerializerOptions
                {
                    WriteIndented = true,
                    Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
                }
            ) + "\n"
        );
        int width = rows.Max(row => row[0].Length);
        foreach (string[] row in rows)
            Console.WriteLine($"{row[0].PadRight(width)} | {row[1]}");
        Console.WriteLine(file);
        return failed ? 1 : 0;
    }

    private static string Describe(string part, JsonNode report)
    {
        JsonNode? result = report["result"];
        IEnumerable<JsonNode> cases = (report["cases"] as JsonArray ?? []).Select(of => of!);
        return part.Split('-')[0] switch
        {
            "facts" => $"{result!["libTorch"]}; {result["gpu"] ?? result["device"]}",
            "tests" => $"{result!["passed"]} passed, {((JsonArray)result["failed"]!).Count} failed"
                + ((bool)result["isComplete"]! ? "" : ", out of time"),
            "equality" => "largest difference "
                + string.Join(
                    ", ",
                    ((JsonArray)result!["smooth"]!).Select(of => $"{of!["largest"]} after {of["steps"]} steps")
                ),
            "compare" => string.Join(
                "; ",
                cases.Select(of =>
                    $"{of["ours"]!["median"]} ms, backprop {of["backprop"]!["median"]} ms, ratio {of["ratioToBackprop"]!["median"]}, products {of["matmulLateralDense"]!["median"]} ms"
                )
            ),
            "pytorch" => string.Join("; ", cases.Select(of => $"N = {of["hidden"]}: {of["milliseconds"]} ms")),
            "accuracy" => string.Create(
                CultureInfo.InvariantCulture,
                $"{100 * (double?)result!["testAccuracy"]:F2} % after {result["epochs"]} epochs, {result["seconds"]} s"
            ),
            "together" =>
                $"{result!["secondsAsOne"]} s as one, {result["secondsOneAfterTheOther"]} s one after the other, ratio {result["ratio"]}",
            "memory" =>
                $"MB of the process {Pair(result!["processMegabytes"]!)}, of the device {Pair(result["deviceMegabytes"]!)}, {result["trainings"]} trainings",
            "launches" => string.Join(
                "; ",
                cases.Select(of => $"N = {of["hidden"]}: {of["operations"]} operations, {of["step"]!["median"]} ms")
            ),
            _ => "",
        };

        static string Pair(JsonNode values) => $"{values[0]?.ToString() ?? "–"} → {values[1]?.ToString() ?? "–"}";
    }
}
