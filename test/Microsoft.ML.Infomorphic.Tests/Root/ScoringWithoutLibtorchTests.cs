using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Tests.Hosting;

namespace Microsoft.ML.Infomorphic.Tests.Root;

/// <summary>A model that was trained here, where libtorch is, in an application that has none.</summary>
[TestClass]
public sealed class ScoringWithoutLibtorchTests
{
    private static readonly string s_application = typeof(ScoringWithoutLibtorchTests)
        .Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(metadata => metadata.Key == "ScoringWithoutLibtorch")
        .Value!;

    private readonly string _folder = Directory.CreateTempSubdirectory("scoring").FullName;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow(ScoringMode.MeanField, int.MaxValue)]
    [DataRow(ScoringMode.Thresholded, 3)]
    [DataRow(ScoringMode.Sampled, 3)]
    public async Task Scores_have_the_same_bits(ScoringMode scoring, int connections)
    {
        var context = new MLContext(1);
        IDataView data = Samples.View(context);
        InfomorphicTrainer.Options options = Samples.Options();
        options.Scoring = scoring;
        options.MaximumLateralConnections = connections;
        var model = context.MulticlassClassification.Trainers.Infomorphic(options).Fit(data);
        await AssertSameScoresAsync(context, model, data.Schema);
    }

    // In a process that registers nothing, too.
    [TestMethod]
    public async Task A_pipeline_that_goes_on_with_a_layer_has_the_same_bits()
    {
        var context = new MLContext(1);
        IDataView data = Samples.View(context);
        var model = context
            .Transforms.InfomorphicLayer(Samples.Trainer(context), outputColumnName: "Hidden")
            .Append(context.MulticlassClassification.Trainers.LbfgsMaximumEntropy(featureColumnName: "Hidden"))
            .Fit(data);
        await AssertSameScoresAsync(context, model, data.Schema);
    }

    [TestMethod]
    public async Task Training_fails_with_one_sentence_that_names_the_package()
    {
        (int exitCode, string output, string error) = await RunAsync("train");

        Assert.AreEqual(1, exitCode, output + error);
        Assert.IsEmpty(output);
        Assert.HasCount(1, error.Trim().Split('\n'), error);
        Assert.StartsWith("Training needs libtorch, and this application has none that loads", error);
        Assert.Contains("TorchSharp-cpu", error);
        AssertNoLibtorch();
    }

    private async Task AssertSameScoresAsync(MLContext context, ITransformer model, DataViewSchema schema)
    {
        string file = Path.Combine(_folder, "model.zip");
        context.Model.Save(model, schema, file);
        List<Samples.Row> rows = Samples.Rows(50, seed: 2);
        string rowsFile = Path.Combine(_folder, "rows.csv");
        await File.WriteAllLinesAsync(
            rowsFile,
            rows.Select(row =>
                string.Join(',', row.Features.Select(value => value.ToString("R", CultureInfo.InvariantCulture)))
            )
        );

        (int exitCode, string output, string error) = await RunAsync("score", file, rowsFile);

        Assert.AreEqual(0, exitCode, output + error);
        float[][] scores = Samples.Scores(model.Transform(Samples.View(context, rows)));
        string[] expected =
        [
            .. scores.Select(row =>
                string.Join(' ', row.Select(score => $"{BitConverter.SingleToUInt32Bits(score):X8}"))
            ),
        ];
        CollectionAssert.AreEqual(expected, output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        AssertNoLibtorch();
    }

    // Neither what the build put there, nor what TorchSharp collects from the package cache when it misses it.
    private static void AssertNoLibtorch()
    {
        string[] files = Directory.GetFiles(Path.GetDirectoryName(s_application)!, "*", SearchOption.AllDirectories);
        CollectionAssert.Contains(files.Select(Path.GetFileName).ToArray(), "TorchSharp.dll");
        foreach (string library in (string[])["torch.", "torch_", "libtorch.", "libtorch_", "c10", "libc10", "libgomp"])
            Assert.IsFalse(
                files.Any(file => Path.GetFileName(file).StartsWith(library, StringComparison.OrdinalIgnoreCase)),
                library
            );
    }

    private async Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = _folder,
        };
        foreach (string argument in (string[])["exec", s_application, .. arguments])
            start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }
}
