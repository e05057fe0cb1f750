using System.Diagnostics;
using System.Globalization;
using BatchScoring;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using Parquet;
using Parquet.Schema;

namespace Microsoft.ML.Infomorphic.ScoringTests;

/// <summary>The sample that scores files: in process, and in a process that is killed.</summary>
[TestClass]
public sealed class BatchScoringTests
{
    private static readonly string s_models = Path.Combine(AppContext.BaseDirectory, "Models");

    private readonly string _folder = Directory.CreateTempSubdirectory("batch").FullName;

    [TestCleanup]
    public void CleanUp() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public async Task Text_is_scored_as_ML_NET_scores_it()
    {
        Parcel[] parcels = Parcels(2500); // more than two blocks, and three parts
        string input = Write("parcels.csv", parcels);

        string said = await Run("parcels.zip", input, "out.csv", "--part-rows", "1000");

        CollectionAssert.AreEqual(
            (string[])["PredictedLabel,Score.freight,Score.letter", .. Expected(parcels)],
            File.ReadAllLines(Path.Combine(_folder, "out.csv"))
        );
        Assert.StartsWith("2,500 predictions of model ", said);
        Assert.IsFalse(Directory.Exists(Path.Combine(_folder, "out.csv.parts")));
    }

    [TestMethod]
    public async Task Parquet_and_text_have_the_same_predictions()
    {
        Parcel[] parcels = Parcels(700);
        string text = Write("parcels.csv", parcels);
        string parquet = await WriteParquet("parcels.parquet", parcels, groupRows: 300);

        await Run("parcels.zip", text, "a.csv");
        await Run("parcels.zip", parquet, "b.csv", "--part-rows", "256");
        await Run("parcels.zip", text, "c.parquet", "--part-rows", "256");

        string[] expected = ["PredictedLabel,Score.freight,Score.letter", .. Expected(parcels)];
        CollectionAssert.AreEqual(expected, File.ReadAllLines(Path.Combine(_folder, "a.csv")));
        CollectionAssert.AreEqual(expected, File.ReadAllLines(Path.Combine(_folder, "b.csv")));
        CollectionAssert.AreEqual(expected, await ReadParquet("c.parquet"));
    }

    [TestMethod]
    public async Task A_binary_model_gives_a_truth_value_a_score_and_a_probability()
    {
        Parcel[] parcels = Parcels(700);
        string input = Write("parcels.csv", parcels);

        await Run("urgent.zip", input, "out.csv", "--part-rows", "256");

        var context = new MLContext(1);
        IDataView scored = context
            .Model.Load(Path.Combine(s_models, "urgent.zip"), out _)
            .Transform(context.Data.LoadFromEnumerable(parcels));
        string[] expected =
        [
            .. context
                .Data.CreateEnumerable<Urgency>(scored, reuseRowObject: false)
                .Select(row =>
                    string.Create(CultureInfo.InvariantCulture, $"{row.PredictedLabel},{row.Score},{row.Probability}")
                ),
        ];
        CollectionAssert.AreEqual(
            (string[])["PredictedLabel,Score,Probability", .. expected],
            await File.ReadAllLinesAsync(Path.Combine(_folder, "out.csv"))
        );
        Assert.HasCount(2, expected.Select(line => line.Split(',')[0]).Distinct());
    }

    [TestMethod]
    [DataRow("Features.0,Features.1,Features.2,Features.3")]
    [DataRow("id,r,g,b,a", "--columns", "Features=r..a")]
    public async Task A_vector_is_in_many_columns(string header, params string[] columns)
    {
        string row = header.StartsWith("id", StringComparison.Ordinal) ? "7,0.5,2.5,0.5,0.5" : "0.5,2.5,0.5,0.5";
        string input = Path.Combine(_folder, "in.csv");
        await File.WriteAllTextAsync(input, $"{header}\n{row}\n");

        await Run("colors-1.zip", input, "out.csv", columns);

        Assert.StartsWith("green,", File.ReadAllLines(Path.Combine(_folder, "out.csv"))[1]);
    }

    [TestMethod]
    public async Task A_vector_is_in_one_column_of_lists()
    {
        var field = new ListField("color", new DataField<float>("item"));
        string input = Path.Combine(_folder, "in.parquet");
        await WriteLists([0.5f, 2.5f, 0.5f, 0.5f, 2.5f, 0.5f, 0.5f, 0.5f], [0, 1, 1, 1, 0, 1, 1, 1]);

        await Run("colors-1.zip", input, "out.csv", "--columns", "Features=color");

        string[] lines = File.ReadAllLines(Path.Combine(_folder, "out.csv"));
        Assert.StartsWith("green,", lines[1]);
        Assert.StartsWith("red,", lines[2]);

        await WriteLists([0.5f, 2.5f, 0.5f], [0, 1, 1]);
        await Fails<InvalidDataException>(
            "Row 1: column \"Features\" takes an array of 4 values, not of 3.",
            "colors-1.zip",
            input,
            "bad.csv",
            "--columns",
            "Features=color"
        );

        async Task WriteLists(float[] values, int[] repetitions)
        {
            var schema = new ParquetSchema(field);
            DataField item = schema.DataFields[0];
            int[] definitions = new int[values.Length];
            Array.Fill(definitions, item.MaxDefinitionLevel);
            await using FileStream file = File.Create(input);
            await using ParquetWriter writer = await ParquetWriter.CreateAsync(schema, file);
            using ParquetRowGroupWriter rows = writer.CreateRowGroup();
            await rows.WriteAllPartsAsync<float>(item, values, definitions, repetitions, default);
            rows.CompleteValidate();
        }
    }

    [TestMethod]
    public async Task A_row_with_a_missing_number_has_a_missing_prediction()
    {
        string input = Path.Combine(_folder, "in.csv");
        await File.WriteAllTextAsync(input, "Features.0,Features.1,Features.2,Features.3\n1,,1,1\n1,2,1,1\n");

        await Run("colors-1.zip", input, "out.csv");

        string[] lines = File.ReadAllLines(Path.Combine(_folder, "out.csv"));
        Assert.EndsWith(",,,", lines[1]);
        Assert.StartsWith("green,", lines[2]);
    }

    [TestMethod]
    public async Task Labels_that_are_numbers_come_back_as_they_were()
    {
        var context = new MLContext(1);
        IDataView data = context.Data.LoadFromEnumerable(
            Enumerable.Range(0, 100).Select(i => new Numbered { Number = i % 2 == 0 ? 7 : 9, X = [i % 2, 1 - i % 2] })
        );
        string model = Path.Combine(_folder, "model.zip");
        context.Model.Save(
            context
                .Transforms.Conversion.MapValueToKey("Label", nameof(Numbered.Number))
                .Append(context.MulticlassClassification.Trainers.SdcaMaximumEntropy("Label", nameof(Numbered.X)))
                .Fit(data),
            data.Schema,
            model
        );
        string input = Path.Combine(_folder, "in.csv");
        await File.WriteAllTextAsync(input, "X.0,X.1\n0,1\n1,0\n");

        await Run(model, input, "out.csv");

        string[] lines = await File.ReadAllLinesAsync(Path.Combine(_folder, "out.csv"));
        Assert.AreEqual("PredictedLabel,Score.7,Score.9", lines[0]);
        Assert.StartsWith("7,", lines[1]);
        Assert.StartsWith("9,", lines[2]);
    }

    [TestMethod]
    public async Task A_file_without_rows_gives_no_prediction()
    {
        string input = Path.Combine(_folder, "in.csv");
        await File.WriteAllTextAsync(input, "Weight,Stamps,Carrier\n");

        await Run("parcels.zip", input, "out.csv");
        await Run("parcels.zip", input, "out.parquet");

        Assert.AreEqual(
            "PredictedLabel,Score.freight,Score.letter\n",
            await File.ReadAllTextAsync(Path.Combine(_folder, "out.csv"))
        );
        Assert.HasCount(1, await ReadParquet("out.parquet"));
    }

    [TestMethod]
    [DataRow("", "in.csv is empty, and needs a first line of column names.")]
    [DataRow(
        "Weight,Carrier\n",
        "in.csv has no column \"Stamps\", which the model reads; it has \"Weight\", \"Carrier\". Is it called otherwise? Then say --columns \"Stamps=COLUMN\"."
    )]
    [DataRow("Weight,Stamps,Weight,Carrier\n", "in.csv has two columns \"Weight\": rename one of them.")]
    [DataRow("Weight,Stamps,Carrier\n1,2,a\nx,2,a\n", "Row 2: column \"Weight\" takes a number, not the text \"x\".")]
    [DataRow("Weight,Stamps,Carrier\n1e60,2,a\n", "Row 1: column \"Weight\" takes a number, not the text \"1e60\".")]
    [DataRow("Weight,Stamps,Carrier\n1,2,a\n1,2\n", "Row 2: it has 2 values, and the first line has 3.")]
    [DataRow("Weight,Stamps,Carrier\n1,2,a\n1,2,a,4\n", "Row 2: it has 4 values, and the first line has 3.")]
    [DataRow("Weight,Stamps,Carrier\n1,2,\"a\n", "Row 1: ")]
    public async Task Bad_text_is_named_in_one_sentence(string text, string sentence)
    {
        string input = Path.Combine(_folder, "in.csv");
        await File.WriteAllTextAsync(input, text);

        await Fails<InvalidDataException>(sentence, "parcels.zip", input, "out.csv");

        Assert.IsEmpty(Directory.GetFileSystemEntries(_folder, "out*"));
    }

    [TestMethod]
    public async Task A_damaged_Parquet_file_is_named_in_one_sentence()
    {
        string input = await WriteParquet("in.parquet", Parcels(100), groupRows: 100);
        byte[] bytes = await File.ReadAllBytesAsync(input);
        await File.WriteAllBytesAsync(input, bytes[..(bytes.Length / 2)]);
        await Fails<InvalidDataException>(
            "in.parquet is no Parquet file, or a damaged one: ",
            "parcels.zip",
            input,
            "out.csv"
        );

        for (int i = 4; i < bytes.Length / 2; i++)
            bytes[i] ^= 0x55;
        await File.WriteAllBytesAsync(input, bytes);
        await Fails<InvalidDataException>(
            "Row 1 and those after it cannot be read, in.parquet is damaged: ",
            "parcels.zip",
            input,
            "out.csv"
        );
        Assert.IsEmpty(Directory.GetFileSystemEntries(_folder, "out*"));
    }

    [TestMethod]
    public async Task A_Parquet_column_of_another_type_is_named_in_one_sentence()
    {
        var fields = new DataField[]
        {
            new DataField<DateTime>("Weight"),
            new DataField<int>("Stamps"),
            new("Carrier", typeof(string)),
        };
        string input = Path.Combine(_folder, "in.parquet");
        await using (FileStream file = File.Create(input))
        await using (ParquetWriter writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields), file))
        using (ParquetRowGroupWriter rows = writer.CreateRowGroup())
        {
            await rows.WriteAsync<DateTime>(fields[0], new[] { DateTime.UnixEpoch });
            await rows.WriteAsync<int>(fields[1], new[] { 1 });
            await rows.WriteAsync(fields[2], (string[])["rail"]);
            rows.CompleteValidate();
        }

        await Fails<InvalidDataException>(
            "Column \"Weight\" takes a number, and \"Weight\" of in.parquet holds DateTime.",
            "parcels.zip",
            input,
            "out.csv"
        );
    }

    [TestMethod]
    public async Task Options_that_make_no_sense_are_refused()
    {
        string input = Write("in.csv", Parcels(1));

        await Fails<ArgumentException>("--output takes a .csv, .tsv or .parquet file", "parcels.zip", input, "out.txt");
        await Fails<ArgumentException>("--input and --output are the same file.", "parcels.zip", input, "in.csv");
        await Fails<ArgumentException>(
            "--columns names \"Wait\", and the model reads ",
            "parcels.zip",
            input,
            "out.csv",
            "--columns",
            "Wait=kg"
        );
        await Fails<DirectoryNotFoundException>("There is no folder ", "parcels.zip", input, "none/out.csv");
        File.Copy(input, Path.Combine(_folder, "model.zip"));
        await Fails<InvalidDataException>(
            $"{Path.Combine(_folder, "model.zip")} cannot be used as a model: ",
            Path.Combine(_folder, "model.zip"),
            input,
            "out.csv"
        );
    }

    [TestMethod]
    public async Task An_output_is_replaced_only_if_that_is_asked_for()
    {
        string input = Write("in.csv", Parcels(3));
        string output = Path.Combine(_folder, "out.csv");
        await File.WriteAllTextAsync(output, "before");

        await Fails<InvalidOperationException>(
            $"{output} is there already: remove it, or replace it with --restart.",
            "parcels.zip",
            input,
            "out.csv"
        );
        Assert.AreEqual("before", await File.ReadAllTextAsync(output));
        await Run("parcels.zip", input, "out.csv", "--restart");

        Assert.HasCount(4, await File.ReadAllLinesAsync(output));
    }

    [TestMethod]
    public async Task A_bad_row_keeps_what_is_done_and_the_repaired_file_begins_anew()
    {
        string input = Path.Combine(_folder, "in.csv");
        string rows = string.Concat(Enumerable.Repeat("3,1,rail\n", 20));
        await File.WriteAllTextAsync(input, $"Weight,Stamps,Carrier\n{rows}x,1,rail\n");

        await Fails<InvalidDataException>("Row 21: ", "parcels.zip", input, "out.csv", "--part-rows", "10");
        Assert.HasCount(2, Directory.GetFiles(Path.Combine(_folder, "out.csv.parts"), "*.part"));
        Assert.IsFalse(File.Exists(Path.Combine(_folder, "out.csv")));

        await File.WriteAllTextAsync(input, $"Weight,Stamps,Carrier\n{rows}3,1,rail\n");
        await Fails<InvalidOperationException>(
            $"{Path.Combine(_folder, "out.csv.parts")} holds the beginning of another run, which differs in its input: ",
            "parcels.zip",
            input,
            "out.csv",
            "--part-rows",
            "10"
        );
        await Run("parcels.zip", input, "out.csv", "--part-rows", "10", "--restart");
        Assert.HasCount(22, await File.ReadAllLinesAsync(Path.Combine(_folder, "out.csv")));
    }

    [TestMethod]
    [DataRow("in.csv", "out.csv")]
    [DataRow("in.parquet", "out.parquet")]
    public async Task A_killed_run_goes_on_where_it_was(string inputName, string outputName)
    {
        Parcel[] parcels = Parcels(30_000);
        string input = inputName.EndsWith("csv", StringComparison.Ordinal)
            ? Write(inputName, parcels)
            : await WriteParquet(inputName, parcels, groupRows: 7000);
        string parts = Path.Combine(_folder, outputName + ".parts");
        string[] arguments = ["--part-rows", "128"];
        int killed = 0;
        for (int target = 20; target <= 60; target += 40)
        {
            using Process process = Start("parcels.zip", input, outputName, arguments);
            while (!process.HasExited && Parts() < target)
                await Task.Delay(1);
            process.Kill();
            await process.WaitForExitAsync();
            killed += process.ExitCode == 0 ? 0 : 1;
            Assert.IsFalse(File.Exists(Path.Combine(_folder, outputName)));
        }
        // A part that was being written when the process was killed.
        await File.WriteAllTextAsync(Path.Combine(parts, "part.tmp"), "half a row");

        var progress = new StringWriter();
        await Run("parcels.zip", input, outputName, progress, arguments);

        Assert.AreEqual(2, killed);
        Assert.Contains("rows have been done before; going on after them.", progress.ToString());
        string[] lines = outputName.EndsWith("csv", StringComparison.Ordinal)
            ? await File.ReadAllLinesAsync(Path.Combine(_folder, outputName))
            : await ReadParquet(outputName);
        CollectionAssert.AreEqual(Expected(parcels), lines[1..]);
        Assert.IsFalse(Directory.Exists(parts));

        int Parts() => Directory.Exists(parts) ? Directory.GetFiles(parts, "*.part").Length : 0;
    }

    [TestMethod]
    public async Task A_run_that_was_killed_after_its_output_was_in_place_is_finished()
    {
        string output = Path.Combine(_folder, "out.csv");
        string[] job = ["model: 1"];
        using (PartFolder first = PartFolder.Open(output, job, restart: false))
        {
            await first.AddAsync(2, stream => stream.WriteAsync("a\nb\n"u8.ToArray()).AsTask());
            await first.AddAsync(1, stream => stream.WriteAsync("c\n"u8.ToArray()).AsTask());
        }
        await File.WriteAllTextAsync(output, "a\nb\nc\n");

        using PartFolder second = PartFolder.Open(output, job, restart: false);
        Assert.AreEqual(3, second.Rows);
        Assert.ThrowsExactly<IOException>(() => PartFolder.Open(output, job, restart: false));
        await second.CompleteAsync(
            async (stream, parts) =>
            {
                foreach (string part in parts)
                    await stream.WriteAsync(await File.ReadAllBytesAsync(part));
            }
        );

        Assert.AreEqual("a\nb\nc\n", await File.ReadAllTextAsync(output));
        Assert.HasCount(1, Directory.GetFileSystemEntries(_folder));
    }

    [TestMethod]
    public async Task Parts_after_one_that_is_missing_are_not_taken()
    {
        string output = Path.Combine(_folder, "out.csv");
        using (PartFolder first = PartFolder.Open(output, ["model: 1"], restart: false))
            for (int i = 0; i < 3; i++)
                await first.AddAsync(5, stream => stream.WriteAsync("a\n"u8.ToArray()).AsTask());
        File.Delete(Path.Combine(_folder, "out.csv.parts", "00000001-5.part"));

        using PartFolder second = PartFolder.Open(output, ["model: 1"], restart: false);

        Assert.AreEqual(5, second.Rows);
    }

    private Task<string> Run(string model, string input, string output, params string[] more) =>
        Run(model, input, output, new StringWriter(), more);

    private async Task<string> Run(string model, string input, string output, TextWriter progress, params string[] more)
    {
        var said = new StringWriter();
        int status = await BatchRun.RunAsync(Parse(model, input, output, more), said, progress);
        Assert.AreEqual(0, status);
        return said.ToString();
    }

    private async Task Fails<T>(string sentence, string model, string input, string output, params string[] more)
        where T : Exception
    {
        T failure = await Assert.ThrowsExactlyAsync<T>(() => Run(model, input, output, more));
        Assert.StartsWith(sentence, failure.Message);
        Assert.DoesNotContain('\n', failure.Message);
    }

    private BatchOptions Parse(string model, string input, string output, string[] more)
    {
        BatchOptions? options = null;
        int status = BatchOptions
            .CreateCommand(parsed =>
            {
                options = parsed;
                return 0;
            })
            .Parse(Arguments(model, input, output, more))
            .Invoke(new System.CommandLine.InvocationConfiguration { EnableDefaultExceptionHandler = false });
        Assert.AreEqual(0, status);
        return options!;
    }

    private string[] Arguments(string model, string input, string output, string[] more) =>
        [
            "--model",
            Path.IsPathRooted(model) ? model : Path.Combine(s_models, model),
            "--input",
            input,
            "--output",
            Path.Combine(_folder, output),
            .. more,
        ];

    private Process Start(string model, string input, string output, string[] more)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.ArgumentList.Add("exec");
        start.ArgumentList.Add(typeof(BatchRun).Assembly.Location);
        foreach (string argument in Arguments(model, input, output, more))
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    private static Parcel[] Parcels(int count)
    {
        var random = new Random(1);
        return
        [
            .. Enumerable
                .Range(0, count)
                .Select(i => new Parcel
                {
                    Weight = (float)Math.Round(random.NextDouble() * 5, 3),
                    Stamps = i % 9,
                    Carrier = (i % 3) switch
                    {
                        0 => "rail",
                        1 => "by \"road\", or",
                        _ => "two\nlines",
                    },
                }),
        ];
    }

    private string Write(string name, Parcel[] parcels)
    {
        string path = Path.Combine(_folder, name);
        using var writer = new StreamWriter(path);
        writer.Write("Carrier,Id,Weight,Stamps\n"); // in another order, and one more
        foreach (Parcel parcel in parcels)
            writer.Write(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"\"{parcel.Carrier.Replace("\"", "\"\"", StringComparison.Ordinal)}\",7,{parcel.Weight},{parcel.Stamps}\n"
                )
            );
        return path;
    }

    private async Task<string> WriteParquet(string name, Parcel[] parcels, int groupRows)
    {
        DataField[] fields =
        [
            new DataField("Carrier", typeof(string)),
            new DataField<double?>("Weight"),
            new DataField<long>("Stamps"),
        ];
        string path = Path.Combine(_folder, name);
        await using FileStream file = File.Create(path);
        await using ParquetWriter writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields), file);
        foreach (Parcel[] group in parcels.Chunk(groupRows))
        {
            using ParquetRowGroupWriter rows = writer.CreateRowGroup();
            await rows.WriteAsync(fields[0], group.Select(parcel => parcel.Carrier).ToArray());
            await rows.WriteAsync<double>(fields[1], group.Select(parcel => (double?)parcel.Weight).ToArray());
            await rows.WriteAsync<long>(fields[2], group.Select(parcel => (long)parcel.Stamps).ToArray());
            rows.CompleteValidate();
        }
        return path;
    }

    // As lines of text.
    private async Task<string[]> ReadParquet(string name)
    {
        await using FileStream file = File.OpenRead(Path.Combine(_folder, name));
        await using ParquetReader reader = await ParquetReader.CreateAsync(file);
        List<string> lines = [string.Join(',', reader.Schema.Fields.Select(field => field.Name))];
        foreach (ParquetRowGroupReader rows in reader.RowGroups)
        {
            var labels = new string[rows.RowCount];
            var scores = new float?[2][];
            await rows.ReadAsync(reader.Schema.DataFields[0], labels);
            for (int k = 0; k < scores.Length; k++)
                await rows.ReadAsync<float>(reader.Schema.DataFields[k + 1], scores[k] = new float?[rows.RowCount]);
            for (int i = 0; i < labels.Length; i++)
                lines.Add(string.Create(CultureInfo.InvariantCulture, $"{labels[i]},{scores[0][i]},{scores[1][i]}"));
        }
        return [.. lines];
    }

    private static string[] Expected(Parcel[] parcels)
    {
        var context = new MLContext(1);
        IDataView scored = context
            .Model.Load(Path.Combine(s_models, "parcels.zip"), out _)
            .Transform(context.Data.LoadFromEnumerable(parcels));
        return
        [
            .. scored
                .GetColumn<string>("PredictedLabel")
                .Zip(scored.GetColumn<float[]>("Score"))
                .Select(row =>
                    string.Create(CultureInfo.InvariantCulture, $"{row.First},{row.Second[0]},{row.Second[1]}")
                ),
        ];
    }

    private sealed class Urgency
    {
        public bool PredictedLabel { get; set; }

        public float Score { get; set; }

        public float Probability { get; set; }
    }

    private sealed class Numbered
    {
        public int Number { get; set; }

        [VectorType(2)]
        public float[] X { get; set; } = [];
    }

    private sealed class Parcel
    {
        public float Weight { get; set; }

        public int Stamps { get; set; }

        public string Carrier { get; set; } = "";

        // ML.NET wants to see the label's column, of which nothing is read.
        public string Class { get; set; } = "";
    }
}
